package gate_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// answering is a client that answers everything.
type answering struct{ tool.Client }

func (answering) Ask(context.Context, tool.Questions) (tool.Answers, error) {
	return tool.Answers{}, nil
}

// TestCallerIsReadAgainAfterAnAnswer: what a tool does after somebody has
// answered it does by the rights that its caller has by then.
func TestCallerIsReadAgainAfterAnAnswer(t *testing.T) {
	asks := newTool("asks", identity.Analyst, nil)
	asks.Prepare = func(_ context.Context, env tool.Env, _ json.RawMessage) (tool.Action, error) {
		return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
			if _, err := env.Ask(ctx, nil); err != nil {
				return nil, err
			}
			return tool.Text("done"), nil
		}}, nil
	}
	for name, tc := range map[string]struct {
		role        identity.Role
		err         error
		want, event string
	}{
		"as before":       {role: identity.Analyst, event: "tool.asks"},
		"more":            {role: identity.Admin, event: "tool.asks"},
		"less":            {role: identity.Viewer, want: "Error: Permission denied", event: "tool.asks.error"},
		"nothing":         {role: identity.None, want: "Error: Permission denied", event: "tool.asks.error"},
		"disabled":        {err: fault.New(fault.Unauthenticated, "Account disabled"), want: "Error: Account disabled", event: "tool.asks.error"},
		"cannot be known": {err: fault.New(fault.Unavailable, "Database unavailable"), want: "Error: Database unavailable", event: "tool.asks.error"},
	} {
		t.Run(name, func(t *testing.T) {
			rec, caller := &recorder{}, analyst()
			caller.Client = answering{}
			caller.Again = func(context.Context) (identity.Principal, error) {
				now := caller.Principal
				now.Role = tc.role
				return now, tc.err
			}
			_, err := newGate(rec, nil, nil, asks).Call(t.Context(), caller, "asks", json.RawMessage(`{"n":"x"}`))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || rec.only(t).Name != tc.event {
				t.Errorf("%q, recorded as %s; want %q, %s", got, rec.only(t).Name, tc.want, tc.event)
			}
		})
	}
}

// TestInvalidCallIsRecorded: what a door finds wrong is refused after role and
// limit, and is on record.
func TestInvalidCallIsRecorded(t *testing.T) {
	for role, event := range map[identity.Role]string{identity.Analyst: "tool.do.rejected", identity.Viewer: "tool.do.denied"} {
		rec, caller := &recorder{}, analyst()
		caller.Principal.Role, caller.Invalid = role, "Invalid requestState"
		_, err := newGate(rec, nil, nil, newTool("do", identity.Analyst, ok)).Call(t.Context(), caller, "do", json.RawMessage(`{"n":"x"}`))
		if err == nil || rec.only(t).Name != event {
			t.Errorf("%v: %v, recorded as %s", role, err, rec.only(t).Name)
		}
	}
}
