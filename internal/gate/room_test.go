package gate_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// The sizes of these tests: of all memory, and of a large result.
const (
	allMemory   = 1 << 20
	largeResult = 300 << 10
	tooMany     = "Too many large results at once: earlier ones have not been read yet"
)

// roomTool does its work knowing its call.
func roomTool(name string, run func(context.Context, tool.Env) (*tool.Result, error)) tool.Tool {
	t := newTool(name, identity.Viewer, nil)
	t.Schema = json.RawMessage(`{"type":"object"}`)
	t.Hints.ReadOnly = true
	t.Prepare = func(_ context.Context, env tool.Env, _ json.RawMessage) (tool.Action, error) {
		return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) { return run(ctx, env) }}, nil
	}
	return t
}

// asking asks for memory before it takes it, large takes it, writing has
// changed something by then.
func roomTools() []tool.Tool {
	large := func(context.Context, tool.Env) (*tool.Result, error) {
		return tool.Text(strings.Repeat("x", largeResult)), nil
	}
	writing := roomTool("writing", large)
	writing.Hints.ReadOnly = false
	return []tool.Tool{
		roomTool("large", large), writing,
		roomTool("small", func(context.Context, tool.Env) (*tool.Result, error) { return tool.Text("x"), nil }),
		roomTool("asking", func(ctx context.Context, env tool.Env) (*tool.Result, error) {
			if err := env.Room(ctx, 2*largeResult); err != nil {
				return nil, fault.New(fault.Invalid, "the database was not amused")
			}
			return tool.Text(strings.Repeat("x", largeResult)), nil
		}),
		roomTool("outer", func(ctx context.Context, env tool.Env) (*tool.Result, error) {
			if _, err := env.Call(ctx, "large", map[string]any{}); err != nil {
				return nil, err
			}
			return tool.Text("done"), nil
		}),
	}
}

// memory is a budget that tells whether anything is held.
type memory struct{ *limit.Budget }

func (m memory) free(t *testing.T) bool {
	t.Helper()
	release, err := m.Acquire(t.Context(), "t1", "nobody", allMemory)
	if err == nil {
		release()
	}
	return err == nil
}

func newRoomGate(rec *recorder) (*gate.Gate, memory) {
	m := memory{limit.NewBudget(limit.BudgetConfig{Total: allMemory, Text: "Too many large results at once: earlier ones have not been read yet"})}
	return gate.New(gate.Config{
		Catalog:  gate.NewCatalog([]tool.Provider{tool.Static(roomTools())}, overrides{}),
		Recorder: rec, Memory: m, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}), m
}

// TestLargeResultIsKept: what a large result takes is held until it has been
// sent, whether its tool asked or not, and for a call inside a call until the
// outer one's has.
func TestLargeResultIsKept(t *testing.T) {
	for name, held := range map[string]bool{"small": false, "large": true, "writing": true, "asking": true, "outer": true} {
		t.Run(name, func(t *testing.T) {
			g, m := newRoomGate(&recorder{})
			var releases []func()
			caller := analyst()
			caller.Keep = func(release func()) { releases = append(releases, release) }
			if _, err := g.Call(t.Context(), caller, name, nil); err != nil {
				t.Fatal(err)
			}
			if m.free(t) == held || (len(releases) == 1) != held {
				t.Errorf("all memory is free: %t, given %d to release", m.free(t), len(releases))
			}
			for _, release := range releases {
				release()
			}
			if !m.free(t) {
				t.Error("memory is held after the release")
			}
			if _, err := g.Call(t.Context(), analyst(), name, nil); err != nil || !m.free(t) {
				t.Errorf("without Keep: %v, or memory is held after the call", err)
			}
		})
	}
}

// TestNoRoomIsALimit: the refusal is recorded as one, and a tool that has
// changed something says so.
func TestNoRoomIsALimit(t *testing.T) {
	for _, tt := range []struct {
		tool, text, event, reason string
		outcome                   gate.Outcome
	}{
		{"large", tooMany, "tool.large.rejected", "reason", gate.Limited},
		{"asking", tooMany, "tool.asking.rejected", "reason", gate.Limited},
		{"writing", "Error: the tool has done its work, but its result is dropped. " + tooMany, "tool.writing.error", "error", gate.Failed},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			rec := &recorder{}
			g, m := newRoomGate(rec)
			release, err := m.Acquire(t.Context(), "t1", "slow reader", allMemory)
			if err != nil {
				t.Fatal(err)
			}
			caller := analyst()
			caller.Keep = func(func()) { t.Error("a refusal keeps memory") }
			_, err = g.Call(t.Context(), caller, tt.tool, nil)
			if refusal, ok := err.(*gate.Refusal); !ok || refusal.Text != tt.text || refusal.Outcome != tt.outcome {
				t.Errorf("refused with %#v", err)
			}
			if e := rec.only(t); e.Name != tt.event || e.Metadata[tt.reason] != tt.text {
				t.Errorf("recorded %s %v", e.Name, e.Metadata)
			}
			if _, err := g.Call(t.Context(), caller, "small", nil); err != nil {
				t.Errorf("a small result: %v", err)
			}
			release()
			if !m.free(t) {
				t.Error("memory is held")
			}
		})
	}
}

// TestUnrecordedResultKeepsNothing: a result that is withheld is not held.
func TestUnrecordedResultKeepsNothing(t *testing.T) {
	g, m := newRoomGate(&recorder{err: fault.New(fault.Unavailable, "disk full")})
	if _, err := g.Call(t.Context(), analyst(), "large", nil); err == nil {
		t.Error("no refusal")
	}
	if !m.free(t) {
		t.Error("memory is held")
	}
}

// TestAbandonedToolKeepsNothing: a tool that runs on after its call was given
// up gets no memory any more.
func TestAbandonedToolKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan error, 1)
		stubborn := roomTool("stubborn", func(ctx context.Context, env tool.Env) (*tool.Result, error) {
			time.Sleep(time.Hour)
			late <- env.Room(context.WithoutCancel(ctx), largeResult)
			return tool.Text("too late"), nil
		})
		stubborn.Timeout = time.Second
		m := memory{limit.NewBudget(limit.BudgetConfig{Total: allMemory, Text: "Too many large results at once: earlier ones have not been read yet"})}
		g := gate.New(gate.Config{
			Catalog:  gate.NewCatalog([]tool.Provider{tool.Static{stubborn}}, overrides{}),
			Recorder: &recorder{}, Memory: m, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		})
		if _, err := g.Call(t.Context(), analyst(), "stubborn", nil); err == nil {
			t.Error("no timeout")
		}
		if err := <-late; err == nil || !m.free(t) {
			t.Errorf("memory for a call that is over: %v", err)
		}
	})
}
