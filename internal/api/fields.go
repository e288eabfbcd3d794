package api

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// checkEmail brings the address into its stored form (contract 1).
func checkEmail(email *string, field string) []httpx.Problem {
	clean, ok := auth.CleanEmail(*email)
	if !ok {
		return []httpx.Problem{httpx.BadEmail(*email, "body", field)}
	}
	*email = clean
	return nil
}

// checkPassword checks the upper bound, which counts bytes: what is hashed
// must not become work without end. The lower bound is in the schema.
func checkPassword(password, field string) []httpx.Problem {
	if len(password) > auth.MaxPasswordBytes {
		return []httpx.Problem{{Type: "string_too_long", Loc: []string{"body", field}, Msg: "Password should have at most 1024 bytes"}}
	}
	return nil
}

// atLeastOne refuses a change that changes nothing.
func atLeastOne(any bool) []httpx.Problem {
	if any {
		return nil
	}
	return []httpx.Problem{{Type: "missing", Loc: []string{"body"}, Msg: "Send at least one field"}}
}

// parseRole reads a role that the schema has checked; "" is none.
func parseRole(name string) identity.Role {
	role, err := identity.ParseRole(name)
	if err != nil {
		return identity.None
	}
	return role
}

// invalidInstead makes a conflict the 400 that contract 3.3 asks for.
func invalidInstead(err error) error {
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(fault.Invalid, err, fault.Of(err).Public)
	}
	return err
}

// onField makes a refusal of one value a 422 about its field.
func onField(err error, field string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.Unprocessable && f.Field == "" {
		return &fault.Error{Kind: f.Kind, Public: f.Public, Field: field, Cause: err}
	}
	return err
}

// required returns a query parameter that must be sent.
func (c *call) required(name string) (string, error) {
	q := c.r.URL.Query()
	if !q.Has(name) {
		return "", httpx.Invalid(httpx.Missing("query", name))
	}
	return c.text(name)
}

// storable reports whether every engine can hold the text. URLs can spell
// texts that PostgreSQL cannot.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// text returns a query parameter, "" when it was not sent.
func (c *call) text(name string) (string, error) {
	v := c.r.URL.Query().Get(name)
	if !storable(v) {
		return "", httpx.Invalid(httpx.BadValue(nil, "not valid UTF-8 text", "query", name))
	}
	return v, nil
}

// flag reports whether a boolean query parameter is set.
func (c *call) flag(name string) bool {
	switch strings.ToLower(c.r.URL.Query().Get(name)) {
	case "true", "1", "yes", "on":
		return true
	default:
		return false
	}
}

// list converts what the store returned; an empty list is [], never null.
func list[T, Out any](items []T, convert func(T) Out) []Out {
	out := make([]Out, 0, len(items))
	for _, item := range items {
		out = append(out, convert(item))
	}
	return out
}

// orNull makes an absent time null in JSON.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// textOrNull makes an absent text null in JSON.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
