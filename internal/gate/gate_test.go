package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// recorder keeps events in memory and can be made to fail.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (r *recorder) Record(_ context.Context, e audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) only(t *testing.T) audit.Event {
	t.Helper()
	if len(r.events) != 1 {
		t.Fatalf("got %d audit records, want exactly 1: %v", len(r.events), r.events)
	}
	return r.events[0]
}

type overrides map[string]identity.Role

func (o overrides) Overrides(context.Context, identity.TenantID) (map[string]identity.Role, error) {
	return o, nil
}

type limiter struct{ err error }

func (l limiter) TakeTool(context.Context, gate.Caller) error { return l.err }

// schema asks for one string n.
const schema = `{"type":"object","properties":{"n":{"type":"string"}},"required":["n"],"additionalProperties":false}`

func newTool(name string, min identity.Role, run func(context.Context) (*tool.Result, error)) tool.Tool {
	return tool.Tool{
		Name: name, Schema: json.RawMessage(schema), MinRole: min, Event: "tool." + name, Kind: tool.KindCustom,
		Prepare: func(context.Context, tool.Env, json.RawMessage) (tool.Action, error) {
			return tool.Action{Detail: map[string]any{"planned": true}, Run: run}, nil
		},
	}
}

func ok(context.Context) (*tool.Result, error) {
	return &tool.Result{Text: "fine", Detail: map[string]any{"row_count": 1}}, nil
}

func analyst() gate.Caller {
	return gate.Caller{
		Principal: identity.Principal{Tenant: "t1", Slug: "acme", User: "u1", Email: "a@acme.test", Role: identity.Analyst, Auth: "token"},
		IP:        "192.0.2.7", RequestID: "req-1",
	}
}

func newGate(rec *recorder, lim gate.Limiter, over overrides, tools ...tool.Tool) *gate.Gate {
	return gate.New(gate.Config{
		Catalog:  gate.NewCatalog([]tool.Provider{tool.Static(tools)}, over),
		Recorder: rec, Limiter: lim, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

func TestCallOutcomes(t *testing.T) {
	rejecting := newTool("guarded", identity.Viewer, ok)
	rejecting.Prepare = func(context.Context, tool.Env, json.RawMessage) (tool.Action, error) {
		return tool.Action{Detail: map[string]any{"sql_preview": "DROP"}}, fault.New(fault.Invalid, "SQL rejected: no")
	}
	panicking := newTool("panicking", identity.Viewer, func(context.Context) (*tool.Result, error) { panic("boom") })
	panicEarly := newTool("panic_early", identity.Viewer, nil)
	panicEarly.Prepare = func(context.Context, tool.Env, json.RawMessage) (tool.Action, error) { panic("early") }
	failing := newTool("failing", identity.Viewer, func(context.Context) (*tool.Result, error) {
		return nil, fault.Wrap(fault.Unavailable, errors.New("dial 10.0.0.9: secret"), "cannot connect")
	})
	leaking := newTool("leaking", identity.Viewer, func(context.Context) (*tool.Result, error) {
		return nil, errors.New("password=hunter2")
	})
	floored := newTool("floored", identity.Viewer, ok)
	floored.Floor = identity.Admin
	denied := newTool("denied", identity.Admin, ok)
	denied.Denied = "Permission denied: insufficient role to execute queries"
	tools := []tool.Tool{newTool("fine", identity.Viewer, ok), rejecting, panicking, panicEarly, failing, leaking, floored, denied}

	tests := []struct {
		name, tool, args string
		limit            error
		over             overrides
		wantText         string // "" means done
		wantOutcome      gate.Outcome
		wantEvent        string
		wantMeta         map[string]any
	}{
		{name: "done", tool: "fine", args: `{"n":"x"}`, wantEvent: "tool.fine",
			wantMeta: map[string]any{"tool": "fine", "planned": true, "row_count": 1}},
		{name: "unknown tool", tool: "nope", wantText: "Unknown tool: nope", wantOutcome: gate.Unknown,
			wantEvent: "tool.unknown.rejected", wantMeta: map[string]any{"tool": "nope", "reason": "Unknown tool: nope"}},
		{name: "role too low", tool: "denied", args: `{"n":"x"}`, wantOutcome: gate.Denied,
			wantText: "Permission denied: insufficient role to execute queries", wantEvent: "tool.denied.denied",
			wantMeta: map[string]any{"tool": "denied", "reason": "Permission denied: insufficient role to execute queries"}},
		{name: "an override may lower", tool: "denied", args: `{"n":"x"}`, over: overrides{"denied": identity.Viewer}, wantEvent: "tool.denied",
			wantMeta: map[string]any{"tool": "denied", "planned": true, "row_count": 1}},
		{name: "an override may raise", tool: "fine", args: `{"n":"x"}`, over: overrides{"fine": identity.Admin}, wantOutcome: gate.Denied,
			wantText: "Permission denied", wantEvent: "tool.fine.denied", wantMeta: map[string]any{"tool": "fine", "reason": "Permission denied"}},
		{name: "no override opens the floor", tool: "floored", args: `{"n":"x"}`, over: overrides{"floored": identity.Viewer}, wantOutcome: gate.Unknown,
			wantText: "Unknown tool: floored", wantEvent: "tool.floored.denied", wantMeta: map[string]any{"tool": "floored", "reason": "Permission denied"}},
		{name: "limited", tool: "fine", args: `{"n":"x"}`, limit: fault.New(fault.RateLimited, "Rate limit exceeded: 3 per 1 minute"), wantOutcome: gate.Limited,
			wantText: "Rate limit exceeded: 3 per 1 minute", wantEvent: "tool.fine.rejected",
			wantMeta: map[string]any{"tool": "fine", "reason": "Rate limit exceeded: 3 per 1 minute"}},
		{name: "missing argument", tool: "fine", args: `{}`, wantOutcome: gate.Rejected,
			wantText: `Input validation error: required: missing properties: ["n"]`, wantEvent: "tool.fine.rejected",
			wantMeta: map[string]any{"tool": "fine", "reason": `Input validation error: required: missing properties: ["n"]`}},
		{name: "wrong type", tool: "fine", args: `{"n":5}`, wantOutcome: gate.Rejected,
			wantText: `Input validation error: n: type: 5 has type "integer", want "string"`, wantEvent: "tool.fine.rejected",
			wantMeta: map[string]any{"tool": "fine", "reason": `Input validation error: n: type: 5 has type "integer", want "string"`}},
		{name: "guard refuses", tool: "guarded", args: `{"n":"x"}`, wantOutcome: gate.Rejected,
			wantText: "SQL rejected: no", wantEvent: "tool.guarded.rejected",
			wantMeta: map[string]any{"tool": "guarded", "sql_preview": "DROP", "reason": "SQL rejected: no"}},
		{name: "panic", tool: "panicking", args: `{"n":"x"}`, wantOutcome: gate.Failed,
			wantText: "Error: Internal Server Error", wantEvent: "tool.panicking.error",
			wantMeta: map[string]any{"tool": "panicking", "planned": true, "error": "Error: Internal Server Error"}},
		{name: "panic while preparing", tool: "panic_early", args: `{"n":"x"}`, wantOutcome: gate.Failed,
			wantText: "Error: Internal Server Error", wantEvent: "tool.panic_early.error",
			wantMeta: map[string]any{"tool": "panic_early", "error": "Error: Internal Server Error"}},
		{name: "public text only", tool: "failing", args: `{"n":"x"}`, wantOutcome: gate.Failed,
			wantText: "Error: cannot connect", wantEvent: "tool.failing.error",
			wantMeta: map[string]any{"tool": "failing", "planned": true, "error": "Error: cannot connect"}},
		{name: "unclassified errors are not shown", tool: "leaking", args: `{"n":"x"}`, wantOutcome: gate.Failed,
			wantText: "Error: Internal Server Error", wantEvent: "tool.leaking.error",
			wantMeta: map[string]any{"tool": "leaking", "planned": true, "error": "Error: Internal Server Error"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			result, err := newGate(rec, limiter{tt.limit}, tt.over, tools...).Call(t.Context(), analyst(), tt.tool, json.RawMessage(tt.args))
			var refusal *gate.Refusal
			switch {
			case tt.wantText == "" && err != nil:
				t.Fatalf("Call: %v", err)
			case tt.wantText == "" && result.Text != "fine":
				t.Errorf("result = %+v", result)
			case tt.wantText != "" && !errors.As(err, &refusal):
				t.Fatalf("Call: %v, want a refusal", err)
			case tt.wantText != "" && (refusal.Text != tt.wantText || refusal.Outcome != tt.wantOutcome):
				t.Errorf("refusal = %v %q, want %v %q", refusal.Outcome, refusal.Text, tt.wantOutcome, tt.wantText)
			}
			e := rec.only(t)
			delete(e.Metadata, "duration_ms")
			if e.Name != tt.wantEvent {
				t.Errorf("event %q, want %q", e.Name, tt.wantEvent)
			}
			if diff := cmp.Diff(tt.wantMeta, e.Metadata); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if e.IP != "192.0.2.7" || e.RequestID != "req-1" || e.User != "u1" || e.Tenant != "t1" || e.Auth != "token" {
				t.Errorf("record does not say who: %+v", e)
			}
		})
	}
}

func TestNobodyMayDoAnything(t *testing.T) {
	rec := &recorder{}
	g := newGate(rec, nil, nil, newTool("fine", identity.None, ok))
	if _, err := g.Call(t.Context(), gate.Caller{}, "fine", json.RawMessage(`{"n":"x"}`)); err == nil {
		t.Fatal("the zero principal was served")
	}
}

func TestResultIsWithheldWhenItCannotBeRecorded(t *testing.T) {
	g := newGate(&recorder{err: errors.New("disk full")}, nil, nil, newTool("fine", identity.Viewer, ok))
	result, err := g.Call(t.Context(), analyst(), "fine", json.RawMessage(`{"n":"x"}`))
	if result != nil || err == nil || err.Error() != "Error: audit log unavailable" {
		t.Fatalf("result %v, error %v; want no result and the audit error", result, err)
	}
}

func TestTimeoutOfAToolThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		release := make(chan struct{})
		stuck := newTool("stuck", identity.Viewer, func(context.Context) (*tool.Result, error) { <-release; return ok(t.Context()) })
		stuck.Timeout = 3 * time.Second
		_, err := newGate(rec, nil, nil, stuck).Call(t.Context(), analyst(), "stuck", json.RawMessage(`{"n":"x"}`))
		if err == nil || err.Error() != "Error: timed out after 3 s" {
			t.Errorf("error %v", err)
		}
		if e := rec.only(t); e.Name != "tool.stuck.error" {
			t.Errorf("event %q", e.Name)
		}
		close(release)
	})
}

func TestCallIsRecordedAfterItsCallerLeft(t *testing.T) {
	rec := &recorder{}
	ctx, cancel := context.WithCancel(t.Context())
	slow := newTool("slow", identity.Viewer, func(ctx context.Context) (*tool.Result, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	_, err := newGate(rec, nil, nil, slow).Call(ctx, analyst(), "slow", json.RawMessage(`{"n":"x"}`))
	if err == nil || err.Error() != "Error: cancelled" {
		t.Errorf("error %v", err)
	}
	if e := rec.only(t); e.Name != "tool.slow.error" {
		t.Errorf("event %q", e.Name)
	}
}

func TestInnerCallObeysTheSameRules(t *testing.T) {
	rec := &recorder{}
	outer := newTool("outer", identity.Viewer, nil)
	outer.Prepare = func(_ context.Context, env tool.Env, _ json.RawMessage) (tool.Action, error) {
		return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
			return env.Call(ctx, "secret", map[string]string{"n": "x"})
		}}, nil
	}
	g := newGate(rec, nil, nil, outer, newTool("secret", identity.Admin, ok))
	if _, err := g.Call(t.Context(), analyst(), "outer", json.RawMessage(`{"n":"x"}`)); err == nil || err.Error() != "Permission denied" {
		t.Fatalf("error %v", err)
	}
	var names []string
	for _, e := range rec.events {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"tool.secret.denied", "tool.outer.error"}, names); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if rec.events[0].Metadata["via"] != "outer" {
		t.Errorf("inner record is not linked: %v", rec.events[0].Metadata)
	}
}

// slots refuses everybody, or counts who is in.
type slots struct {
	err      error
	in, most int
}

func (s *slots) Acquire(_ context.Context, key string) (func(), error) {
	if s.err != nil {
		return nil, s.err
	}
	s.in++
	s.most = max(s.most, s.in)
	return func() { s.in-- }, nil
}

func TestCallsRunInTheTenantsSlots(t *testing.T) {
	outer := newTool("outer", identity.Viewer, nil)
	outer.Prepare = func(_ context.Context, env tool.Env, _ json.RawMessage) (tool.Action, error) {
		return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
			return env.Call(ctx, "fine", map[string]string{"n": "x"})
		}}, nil
	}
	taken := &slots{}
	with := func(s gate.Slots) *gate.Gate {
		return gate.New(gate.Config{
			Catalog:  gate.NewCatalog([]tool.Provider{tool.Static{outer, newTool("fine", identity.Viewer, ok)}}, overrides{}),
			Recorder: &recorder{}, Slots: s, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		})
	}
	if _, err := with(taken).Call(t.Context(), analyst(), "outer", json.RawMessage(`{"n":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if taken.most != 1 || taken.in != 0 {
		t.Errorf("a call with a call inside took %d slots and kept %d", taken.most, taken.in)
	}
	full := &slots{err: fault.New(fault.RateLimited, "Too many calls at once")}
	_, err := with(full).Call(t.Context(), analyst(), "fine", json.RawMessage(`{"n":"x"}`))
	if err == nil || err.Error() != "Too many calls at once" {
		t.Errorf("error %v", err)
	}
}

// provider counts how often it is asked.
type provider struct {
	mu    sync.Mutex
	asked int
	tools []tool.Tool
}

func (p *provider) Tools(context.Context, identity.TenantID) ([]tool.Tool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	return p.tools, nil
}

func TestCatalogFollowsTheConfigurationVersion(t *testing.T) {
	prov := &provider{tools: []tool.Tool{newTool("one", identity.Viewer, ok)}}
	c := gate.NewCatalog([]tool.Provider{prov}, overrides{})
	p := analyst().Principal
	first := mustToolset(t, c, p)
	if second := mustToolset(t, c, p); second != first || prov.asked != 1 {
		t.Errorf("the snapshot was built %d times for one version", prov.asked)
	}
	prov.tools = append(prov.tools, newTool("two", identity.Admin, ok), newTool("three", identity.Analyst, ok))
	p.Config++
	var names []string
	for _, tl := range mustToolset(t, c, p).Tools {
		names = append(names, tl.Name)
	}
	if got := strings.Join(names, " "); got != "one three" {
		t.Errorf("analyst sees %q, want one and three", got)
	}
}

func TestWatchTellsOnlyTheTenant(t *testing.T) {
	c := gate.NewCatalog(nil, overrides{})
	mine, stop := c.Watch("t1")
	defer stop()
	c.Changed("t2")
	c.Changed("t1")
	c.Changed("t1") // a waiting notice is enough
	<-mine
	select {
	case <-mine:
		t.Error("more notices than changes of this tenant")
	default:
	}
}

func mustToolset(t *testing.T, c *gate.Catalog, p identity.Principal) *gate.Toolset {
	t.Helper()
	s, err := c.Toolset(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
