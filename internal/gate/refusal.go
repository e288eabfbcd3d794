package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Outcome is how a call ended.
type Outcome uint8

// The outcomes.
const (
	Done      Outcome = iota
	Unknown           // no such tool that this caller may know of: JSON-RPC -32602 at the MCP door
	Denied            // the role is too low
	Limited           // a call limit was reached
	Rejected          // bad arguments, or a statement that the guard refused: nothing was done
	Failed            // the tool failed, timed out or was cancelled
	AuditLost         // done, but not recorded, so withheld
	Waiting           // the tool has asked the client, which calls again with the answers
)

// String names the outcome, for metrics and logs.
func (o Outcome) String() string {
	return [...]string{"done", "unknown", "denied", "limited", "rejected", "failed", "audit_lost", "input_required"}[o]
}

// suffix is what the outcome adds to an event name (contract 10).
func (o Outcome) suffix() string {
	switch o {
	case Done:
		return ""
	case Denied:
		return ".denied"
	case Failed, AuditLost:
		return ".error"
	case Waiting:
		return ".input_required"
	default:
		return ".rejected"
	}
}

// reasonKey is the metadata field that holds the refusal's text (contract 10).
func (o Outcome) reasonKey() string {
	if o == Failed {
		return "error"
	}
	return "reason"
}

// Refusal is the error of [Gate.Call]: why there is no result. Text is
// complete as contract 6.4 words it ("Permission denied", "SQL rejected: …",
// "Error: …") and safe to show.
type Refusal struct {
	Outcome Outcome
	Text    string
	Err     error // the cause, for logs

	actual *Refusal // the truth, where the caller may not learn it
}

// forRecord returns the refusal as the audit record and the metrics have it.
func (r *Refusal) forRecord() *Refusal {
	if r != nil && r.actual != nil {
		return r.actual
	}
	return r
}

// Error returns the text.
func (r *Refusal) Error() string { return r.Text }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// errToolTimeout tells the gate's own timeout from the caller's deadline.
var errToolTimeout = errors.New("tool timeout")

// prepareRefusal maps what Prepare returned. A refusal of the arguments is
// shown as the tool worded it: it did nothing, and says why.
func prepareRefusal(err error) *Refusal {
	switch f := fault.Of(err); f.Kind {
	case fault.Invalid, fault.Unprocessable:
		return &Refusal{Outcome: Rejected, Text: f.Public, Err: err}
	case fault.Forbidden:
		return &Refusal{Outcome: Denied, Text: f.Public, Err: err}
	default:
		return &Refusal{Outcome: Failed, Text: "Error: " + f.Public, Err: err}
	}
}

// runRefusal maps what Run returned. An inner call's refusal is passed on. What
// could be judged only where it runs may be Unprocessable, as in Prepare.
func runRefusal(ctx context.Context, err error, timeout time.Duration) *Refusal {
	if waiting := (*tool.InputRequired)(nil); errors.As(err, &waiting) {
		return &Refusal{Outcome: Waiting, Text: waiting.Error(), Err: err}
	}
	f := fault.Of(err)
	text := f.Public
	if f.Kind == fault.Unprocessable { // nothing was done, and the text says why
		return &Refusal{Outcome: Rejected, Text: text, Err: err}
	}
	switch missing := (*tool.MissingCapability)(nil); {
	case errors.As(err, &missing):
		text = missing.Error()
	case f.Kind != fault.Internal:
	case errors.Is(context.Cause(ctx), errToolTimeout):
		text = fmt.Sprintf("timed out after %d s", int(timeout.Seconds()))
	case ctx.Err() != nil:
		text = "cancelled"
	default:
		if inner := (*Refusal)(nil); errors.As(err, &inner) {
			return &Refusal{Outcome: Failed, Text: inner.Text, Err: err}
		}
	}
	return &Refusal{Outcome: Failed, Text: "Error: " + text, Err: err}
}

// validationText makes a schema validator's message readable: the validator
// prefixes each level with the schema it was in, which tells a caller nothing.
func validationText(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "validating "); i >= 0 {
		if _, rest, ok := strings.Cut(text[i:], ": "); ok {
			where := strings.TrimPrefix(strings.SplitN(text[i:], ": ", 2)[0], "validating ")
			if field := strings.TrimPrefix(where, "/properties/"); field != where {
				return field + ": " + withoutValue(rest)
			}
			return withoutValue(rest)
		}
	}
	return withoutValue(text)
}

// decodeText says why arguments could not be decoded at all.
func decodeText(err error) string {
	if typed := (*json.UnmarshalTypeError)(nil); errors.As(err, &typed) {
		return "a number is out of range"
	}
	return "arguments are not valid JSON"
}

// What a validation text repeats of a value, and how long it is at most, in
// characters.
const (
	maxValue      = 60
	maxValidation = 500
)

// withoutValue takes a long value out of a validator's message: its sender
// knows it, and no record should hold it.
func withoutValue(text string) string {
	keyword, rest, _ := strings.Cut(text, ": ")
	for _, verb := range []string{" contains ", " does not match ", " does not equal ", " has type "} {
		if i := strings.LastIndex(rest, verb); i > maxValue {
			return runes.First(keyword+": the value"+rest[i:], maxValidation)
		}
	}
	return runes.First(text, maxValidation)
}
