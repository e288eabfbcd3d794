package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestTurnsThatAreAllStuck: whoever waits for a turn, or asks for one, is
// refused while every turn is stuck, and is served once one has ended.
func TestTurnsThatAreAllStuck(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	turns := database.NewTurns()
	for range database.MaxOpenConns {
		if err := turns.Take(ctx); err != nil {
			t.Fatal(err)
		}
	}
	waiter := make(chan error, 1)
	go func() { waiter <- turns.Take(ctx) }()
	for turns.Usage(0).Waiting == 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	var unmark func()
	for range database.MaxOpenConns {
		unmark = turns.MarkStuck()
	}
	want := database.AllStuckFault().Public
	for name, err := range map[string]error{"who waits": <-waiter, "who asks": turns.Take(ctx)} {
		if !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := turns.Usage(0); got.Stuck != database.MaxOpenConns || got.Waiting != 0 {
		t.Errorf("Usage = %+v", got)
	}
	unmark()
	turns.Give()
	if err := turns.Take(ctx); err != nil {
		t.Errorf("after the end of one: %v", err)
	}
	if got := turns.Usage(0); got.Stuck != database.MaxOpenConns-1 || got.InUse != database.MaxOpenConns {
		t.Errorf("Usage = %+v", got)
	}
}
