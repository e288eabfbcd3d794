package limit

import (
	"context"
	"errors"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestNestedBudgets: a key has its own, all keys together have theirs, and a
// refusal by either holds nothing of the other.
func TestNestedBudgets(t *testing.T) {
	n := Nested{Keys: NewBudget(BudgetConfig{Total: 100, Text: "own"}), Whole: NewBudget(BudgetConfig{Total: 150, Text: "whole"})}
	take := func(key, member string, bytes int, refusal string) (release func()) {
		t.Helper()
		release, err := n.Acquire(t.Context(), key, member, bytes)
		switch {
		case refusal == "" && err != nil:
			t.Fatalf("%s of %s: %v", member, key, err)
		case refusal != "" && (!fault.Is(err, fault.RateLimited) || fault.Of(err).Public != refusal):
			t.Errorf("%s of %s: %v, want %q", member, key, err, refusal)
		}
		return release
	}
	first := take("a", "ada", 60, "")
	take("a", "ada", 60, "own")
	second := take("b", "bob", 80, "")
	take("c", "cy", 20, "whole")
	take("b", "bea", 20, "whole") // it is b's share of the whole
	first()
	third := take("a", "ada", 60, "")
	second()
	third()
	if len(n.Keys.keys)+len(n.Whole.keys) != 0 {
		t.Errorf("%d and %d keys are in use at the end", len(n.Keys.keys), len(n.Whole.keys))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	full := Nested{Keys: NewBudget(BudgetConfig{Total: 100}), Whole: NewBudget(BudgetConfig{Total: 10, Queue: 1, Wait: 1 << 40})}
	held, err := full.Acquire(t.Context(), "a", "ada", 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := full.Acquire(ctx, "b", "bob", 10); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone: %v", err)
	}
	held()
	if len(full.Keys.keys) != 0 {
		t.Error("a caller that is gone holds memory")
	}
}
