package httpx

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Problem is one entry of a 422 list (contract 1).
type Problem struct {
	Type  string   `json:"type"`
	Loc   []string `json:"loc"` // "body", "query" or "path", then the field
	Msg   string   `json:"msg"`
	Input any      `json:"input"`
}

// Validation is the error of a request whose fields are wrong.
type Validation struct{ Problems []Problem }

// maxProblems is how many problems an answer lists. A body can hold thousands.
const maxProblems = 50

// Invalid returns nil when there is no problem, else the error that lists
// them. What the caller sent is echoed, but never a secret and never at length.
func Invalid(problems ...Problem) error {
	if len(problems) == 0 {
		return nil
	}
	problems = problems[:min(len(problems), maxProblems)]
	for i, p := range problems {
		problems[i].Input, problems[i].Msg, problems[i].Loc = echo(p), shorten(p.Msg), slices.Clone(p.Loc)
		for j, name := range p.Loc {
			problems[i].Loc[j] = shorten(name)
		}
	}
	return &Validation{problems}
}

// Error lists the fields at fault, for logs.
func (v *Validation) Error() string {
	texts := make([]string, len(v.Problems))
	for i, p := range v.Problems {
		texts[i] = strings.Join(p.Loc, ".") + ": " + p.Msg
	}
	return strings.Join(texts, "; ")
}

// Unwrap makes a Validation an Unprocessable fault for every other door.
func (v *Validation) Unwrap() error { return fault.New(fault.Unprocessable, v.Error()) }

// Missing is the problem of a required field that was not sent.
func Missing(loc ...string) Problem {
	return Problem{Type: "missing", Loc: loc, Msg: "Field required"}
}

// BadValue is the problem of a value that breaks a rule of its field.
func BadValue(input any, msg string, loc ...string) Problem {
	return Problem{Type: "value_error", Loc: loc, Msg: "Value error, " + msg, Input: input}
}

// BadEmail is the problem of contract 1 for an address that is none.
func BadEmail(input string, loc ...string) Problem {
	return BadValue(input, "Invalid email address format", loc...)
}

// maxEcho is how much of a text goes back to the caller.
const maxEcho = 256

func echo(p Problem) any {
	if len(p.Loc) > 0 && isSecretField(p.Loc[len(p.Loc)-1]) {
		return nil
	}
	switch input := p.Input.(type) {
	case string:
		return shorten(input)
	case []any, map[string]any: // of any length
		return nil
	}
	return p.Input
}

func shorten(text string) string {
	if len(text) > maxEcho {
		return strings.ToValidUTF8(text[:maxEcho], "") + "…"
	}
	return text
}

func isSecretField(name string) bool {
	for _, part := range []string{"password", "secret", "token", "key", "connection_string", "authorization", "code_verifier"} {
		if strings.Contains(strings.ToLower(name), part) {
			return true
		}
	}
	return false
}

// Paging reads skip and limit (contract 1): outside of their range they are
// refused, above the cap limit is lowered to it.
func Paging(r *http.Request, standard, most int) (skip, limit int, err error) {
	skip, skipBad := queryInt(r, "skip", 0, 0)
	limit, limitBad := queryInt(r, "limit", standard, 1)
	return skip, min(limit, most), Invalid(append(skipBad, limitBad...)...)
}

func queryInt(r *http.Request, name string, standard, least int) (int, []Problem) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, []Problem{{Type: "int_parsing", Loc: []string{"query", name}, Input: text,
			Msg: "Input should be a valid integer, unable to parse string as an integer"}}
	case n < least:
		return 0, []Problem{{Type: "greater_than_equal", Loc: []string{"query", name}, Input: text,
			Msg: fmt.Sprintf("Input should be greater than or equal to %d", least)}}
	}
	return n, nil
}
