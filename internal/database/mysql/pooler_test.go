package mysql_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// pooler plays one that gives each transaction another session of the server:
// the numbers differ from that of its own greeting.
type pooler struct {
	mu    sync.Mutex
	heard []string
	next  int
	hang  chan struct{} // closed by the statement SELECT hang, which has no answer
}

func (f *pooler) serve(p *peer) {
	if !p.login() {
		return
	}
	p.onStatement = func(sql string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if strings.HasPrefix(sql, "START") || p.id == "" {
			f.next++
			p.id = fmt.Sprint(70 + f.next)
		}
		f.heard = append(f.heard, sql)
	}
	p.serve(func(sql string) {
		switch {
		case sql == "SELECT hang":
			close(f.hang)
		case strings.HasPrefix(sql, "KILL"):
			p.send(okPacket)
		default:
			p.result("1")
		}
	})
}

func (f *pooler) since(sql string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard[slices.Index(f.heard, sql)+1:])
}

// TestPooler: behind a pooler, the settings on which the guard relies are made
// in the transaction of the statement, and a KILL names the session that the
// transaction is on.
func TestPooler(t *testing.T) {
	f := &pooler{hang: make(chan struct{})}
	conn := open(t, fake(t, f.serve).url())
	mustQuery(t, conn, "SELECT first")
	mustQuery(t, conn, "SELECT second")
	between := f.since("SELECT first")
	between = between[:slices.Index(between, "SELECT second")]
	if len(between) != 5 || between[0] != "ROLLBACK" || between[1] != "START TRANSACTION READ ONLY" ||
		!strings.HasPrefix(between[2], "SELECT CONNECTION_ID()") || !strings.Contains(between[3], "sql_mode = '") ||
		strings.Contains(between[3], "autocommit") || between[4] != "SET SESSION TRANSACTION READ ONLY" {
		t.Errorf("between two statements: %q", between)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.hang
		cancel()
	}()
	if _, err := conn.Query(ctx, statement("SELECT hang"), database.Limit{}); !fault.Is(err, fault.Canceled) {
		t.Errorf("Query = %v", err)
	}
	f.mu.Lock()
	id := 70 + f.next - 1 // the last number is the side connection's
	f.mu.Unlock()
	if !slices.Contains(f.since("SELECT hang"), fmt.Sprintf("KILL %d", id)) {
		t.Errorf("after the hang, session %d: %q", id, f.since("SELECT hang"))
	}
}
