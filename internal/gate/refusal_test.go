package gate_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// TestRunMayReject: some things can be judged only where they run.
func TestRunMayReject(t *testing.T) {
	rec := &recorder{}
	judges := newTool("judges", identity.Viewer, func(context.Context) (*tool.Result, error) {
		return nil, fault.New(fault.Unprocessable, "SQL rejected: Function not allowed: mine")
	})
	_, err := newGate(rec, nil, nil, judges).Call(t.Context(), analyst(), "judges", json.RawMessage(`{"n":"x"}`))
	e := rec.only(t)
	if err == nil || err.Error() != "SQL rejected: Function not allowed: mine" || e.Name != "tool.judges.rejected" || e.Metadata["reason"] != err.Error() {
		t.Errorf("%v, recorded %s %v", err, e.Name, e.Metadata)
	}
}

// TestRefusalsAreShort: what a caller sent is not repeated at any length, to
// the caller or in the record.
func TestRefusalsAreShort(t *testing.T) {
	long := strings.Repeat("secret words ", 100_000)
	limited := newTool("limited", identity.Viewer, ok)
	limited.Schema = json.RawMessage(`{"type":"object","properties":{
		"text":{"type":"string","maxLength":10},"code":{"type":"string","pattern":"^[a-z]$"},
		"mode":{"enum":["a","b"]},"n":{"type":"integer"}},"additionalProperties":false}`)
	wordy := newTool("wordy", identity.Viewer, func(context.Context) (*tool.Result, error) {
		return nil, &gate.Refusal{Text: long}
	})
	tests := map[string]string{
		`{"text":"` + long + `"}`: "Input validation error: text: maxLength: the value contains 1300000 Unicode code points, more than 10",
		`{"code":"` + long + `"}`: `Input validation error: code: pattern: the value does not match regular expression "^[a-z]$"`,
		`{"mode":"` + long + `"}`: "Input validation error: mode: enum: the value does not equal any of: [a b]",
		`{"n":"` + long + `"}`:    `Input validation error: n: type: the value has type "string", want "integer"`,
		`{"n":"x"}`:               `Input validation error: n: type: x has type "string", want "integer"`,
	}
	for args, want := range tests {
		rec := &recorder{}
		_, err := newGate(rec, nil, nil, limited).Call(t.Context(), analyst(), "limited", json.RawMessage(args))
		if err == nil || err.Error() != want || rec.only(t).Metadata["reason"] != want {
			t.Errorf("= %.300v, recorded %.300v, want %s", err, rec.only(t).Metadata["reason"], want)
		}
	}
	for name, args := range map[string]string{"limited": `{"` + long + `":1}`, "wordy": `{"n":"x"}`} {
		rec := &recorder{}
		_, err := newGate(rec, nil, nil, limited, wordy).Call(t.Context(), analyst(), name, json.RawMessage(args))
		b, _ := json.Marshal(rec.only(t).Metadata)
		if err == nil || len(b) > 5000 {
			t.Errorf("%s: %d bytes recorded of %.100v", name, len(b), err)
		}
	}
}
