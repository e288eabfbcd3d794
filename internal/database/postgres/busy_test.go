package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestWaitingForABusyPoolSaysSo: a statement that never ran did not time out.
func TestWaitingForABusyPoolSaysSo(t *testing.T) {
	s := start(t)
	conn := s.open(t, s.ownerConn)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for range database.MaxOpenConns {
		running.Go(func() { conn.Query(ctx, statement("SELECT pg_sleep(60)"), database.Limit{}) })
	}
	for mustExec(t, s.admin, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND usename = '"+s.owner+"'") != "5" {
		if t.Context().Err() != nil {
			t.Fatal("the pool never filled")
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := conn.Query(short, statement("SELECT 1"), database.Limit{})
	if fault.KindOf(err) != fault.Unavailable || fault.Of(err).Public != "all connections are busy with other queries, try again" {
		t.Errorf("error %v", err)
	}
}
