package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Client is the MCP client behind a call, as far as a running tool may speak
// to it. Tools use the methods of [Env], which also work where there is no
// client: in a REST call, or in a call inside a call.
type Client interface {
	// Can reports whether the client declared the capability.
	Can(Capability) bool
	// Progress and Log send a notification, or drop it when the client did not
	// ask for it. They return when it is sent.
	Progress(done, total float64, message string)
	Log(level Level, logger string, data any)
	// Ask is [Env.Ask].
	Ask(ctx context.Context, questions Questions) (Answers, error)
}

// Capability is something that a client may be asked for
// (MCP 2025-11-25, basic/lifecycle, "Capability Negotiation").
type Capability string

// The capabilities of clients. Elicitation is a form that the person fills in;
// ElicitationURL is a page that they are sent to.
const (
	Elicitation    Capability = "elicitation"
	ElicitationURL Capability = "elicitation.url"
	Sampling       Capability = "sampling"
	Roots          Capability = "roots"
)

// Level is how grave a log message is (RFC 5424, section 6.2.1).
type Level string

// The levels, least grave first.
const (
	Debug     Level = "debug"
	Info      Level = "info"
	Notice    Level = "notice"
	Warning   Level = "warning"
	Error     Level = "error"
	Critical  Level = "critical"
	Alert     Level = "alert"
	Emergency Level = "emergency"
)

// Levels lists the levels, least grave first.
func Levels() []Level {
	return []Level{Debug, Info, Notice, Warning, Error, Critical, Alert, Emergency}
}

// AtLeast reports whether l is as grave as least or graver. A level that does
// not exist is less grave than any.
func (l Level) AtLeast(least Level) bool {
	return slices.Index(Levels(), l) >= slices.Index(Levels(), least)
}

// Can reports whether the client behind the call can be asked for this.
func (e Env) Can(c Capability) bool { return e.Client != nil && e.Client.Can(c) }

// Progress tells the client how far the call is: done of total, in a unit of
// the tool's own. A total of 0 means unknown, an empty message none. It goes
// out only to a client that asked for progress, and only when done has grown.
func (e Env) Progress(done, total float64, message string) {
	if e.Client != nil {
		e.Client.Progress(done, total, message)
	}
}

// Log sends a message to the client, for the person or for its log. data is
// anything that encodes as JSON; logger names the part of the tool, "" for
// none. It never holds secrets. A client hears only the levels that it asked
// for.
func (e Env) Log(level Level, logger string, data any) {
	if e.Client != nil {
		e.Client.Log(level, logger, data)
	}
}

// Ask puts the questions to the client and returns an answer to each. The tool
// passes an error on as it is: it may be an [InputRequired], which is no
// failure. A client of 2026-07-28 gets the questions as the result of its
// call, and the tool runs again from its start when the call is repeated with
// the answers. So a tool asks before it changes anything, asks the same under
// the same conditions, and finds earlier answers by asking again. For older
// clients Ask waits here, within the tool's Timeout, so that a tool which asks
// people sets a long one, and is marked Interactive.
//
// A [MissingCapability] says that the client cannot be asked.
func (e Env) Ask(ctx context.Context, questions Questions) (Answers, error) {
	if e.Client == nil {
		for _, q := range questions {
			return nil, &MissingCapability{Capability: q.Needs}
		}
		return Answers{}, nil
	}
	return e.Client.Ask(ctx, questions)
}

// Questions are what is asked at once, by a name of the tool's choice.
type Questions map[string]Question

// Question is one request to a client. Make one with [Form], [Page], [Sample]
// or [ListRoots].
type Question struct {
	Needs  Capability
	Method string          // of MCP
	Params json.RawMessage // a JSON object
	// Schema is what the content of an accepted form satisfies, nil if there
	// is no form.
	Schema json.RawMessage
}

// Form asks the person to fill in a form (elicitation/create). schema is a
// JSON Schema of type object whose properties are strings, numbers, booleans
// and enumerations.
func Form(message string, schema json.RawMessage) Question {
	return Question{
		Needs: Elicitation, Method: "elicitation/create", Schema: schema,
		Params: object("message", message, "requestedSchema", schema),
	}
}

// Page asks the person to go to a page (elicitation/create in URL mode), for
// what the client must not see, such as a password. id is unique to the visit;
// the page finds out by itself who its visitor is.
func Page(message, url, id string) Question {
	return Question{
		Needs: ElicitationURL, Method: "elicitation/create",
		Params: object("mode", "url", "message", message, "url", url, "elicitationId", id),
	}
}

// Sample asks the client's model for a message (sampling/createMessage).
// params are those of the method.
func Sample(params json.RawMessage) Question {
	return Question{Needs: Sampling, Method: "sampling/createMessage", Params: params}
}

// ListRoots asks which folders the client works on (roots/list).
func ListRoots() Question {
	return Question{Needs: Roots, Method: "roots/list", Params: json.RawMessage(`{}`)}
}

// object encodes names and values, which can always be encoded: they are
// texts and JSON.
func object(namesAndValues ...any) json.RawMessage {
	out := []byte{'{'}
	for i := 0; i < len(namesAndValues); i += 2 {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(AppendString(out, namesAndValues[i].(string)), ':')
		switch v := namesAndValues[i+1].(type) {
		case string:
			out = AppendString(out, v)
		case json.RawMessage:
			out = append(out, v...)
		}
	}
	return append(out, '}')
}

// Answers are the results of the methods that were asked for, by the name of
// their question.
type Answers map[string]json.RawMessage

// Form decodes the form that was filled in under this name into out. It
// reports false, and leaves out alone, when the person declined or went away.
func (a Answers) Form(name string, out any) (accepted bool, err error) {
	var answer struct {
		Action  string          `json:"action"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(a[name], &answer); err != nil {
		return false, fmt.Errorf("answer to %q: %w", name, err)
	}
	if answer.Action != "accept" || answer.Content == nil {
		return false, nil
	}
	if err := json.Unmarshal(answer.Content, out); err != nil {
		return false, fmt.Errorf("answer to %q: %w", name, err)
	}
	return true, nil
}

// InputRequired ends a call whose tool has asked a client that answers by
// calling again.
type InputRequired struct{ Questions Questions }

// Error names what was asked.
func (e *InputRequired) Error() string {
	names := make([]string, 0, len(e.Questions))
	for name := range e.Questions {
		names = append(names, name)
	}
	slices.Sort(names)
	return "waiting for answers from the client: " + strings.Join(names, ", ")
}

// MissingCapability ends a call whose tool asks for what the client cannot do.
type MissingCapability struct{ Capability Capability }

// Error names the capability.
func (e *MissingCapability) Error() string {
	return fmt.Sprintf("this client does not support %s, which the tool needs", e.Capability)
}

// IsQuestion reports whether the error is about asking the client, so that it
// is no failure of the tool.
func IsQuestion(err error) bool {
	var waiting *InputRequired
	var missing *MissingCapability
	return errors.As(err, &waiting) || errors.As(err, &missing)
}
