package mssql_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// deaf is a server that hears no attention while it works on a statement.
type deaf struct {
	scripted
	release chan struct{}
	working atomic.Int64
}

func newDeaf(s *standIn) *deaf {
	d := &deaf{release: make(chan struct{})}
	d.run = func(_ context.Context, q tdstest.Request, r *tdstest.Reply) error {
		if strings.Contains(q.SQL, "heavy") {
			d.working.Add(1)
			defer d.working.Add(-1)
			<-d.release
		}
		_ = r.Columns(nv...)
		return r.Row("fine")
	}
	s.server.Backend = d
	return d
}

func (d *deaf) Login(tdstest.Login) (tdstest.Session, error) { return d, nil }

// hang has as many calls cancelled in the middle of their work as the pool has
// places.
func (d *deaf) hang(t *testing.T, conn database.Conn) {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	done := make(chan error, database.MaxOpenConns)
	for range database.MaxOpenConns {
		go func() {
			_, err := conn.Query(ctx, &sqlguard.Statement{SQL: "SELECT heavy"}, database.Limit{})
			done <- err
		}()
	}
	eventually(t, func() bool { return d.working.Load() == database.MaxOpenConns })
	cancel()
	for range database.MaxOpenConns {
		if err := <-done; !fault.Is(err, fault.Canceled) || !errors.Is(err, database.ErrStillWorking) || fault.Of(err).Public != "query was cancelled; the server is still working on it" {
			t.Errorf("stuck call: %v", err)
		}
	}
}

// TestStuckWorkHoldsItsPlace: calls that are over while the server goes on
// working keep their places, new calls are refused in words at once, and when
// the server is done everything works again.
func TestStuckWorkHoldsItsPlace(t *testing.T) {
	s := start(t)
	d := newDeaf(s)
	conn := open(t, s.owner())
	mustQuery(t, conn, "SELECT 1")
	d.hang(t, conn)
	if u := conn.Usage(); u.Stuck != database.MaxOpenConns || u.InUse != database.MaxOpenConns || int64(u.Stuck) != d.working.Load() {
		t.Errorf("usage %+v while the server works on %d statements", u, d.working.Load())
	}
	_, err := run(t, conn, "SELECT 1", database.Limit{})
	if !fault.Is(err, fault.Unavailable) || fault.Of(err).Public != "5 of 5 connections are held by statements that the server has not ended yet; try again later" {
		t.Errorf("a call meanwhile: %v", err)
	}
	close(d.release)
	eventually(t, func() bool { return conn.Usage().Stuck == 0 && conn.Usage().InUse == 0 })
	if got := mustQuery(t, conn, "SELECT 1"); got != `[{"v":"fine"}]` {
		t.Errorf("afterwards: %s", got)
	}
}

// TestCloseWithStuckWork: a pool that is closed lets go of a server that does
// not answer.
func TestCloseWithStuckWork(t *testing.T) {
	s := start(t)
	d := newDeaf(s)
	conn := open(t, s.owner()) // its clean-up looks for what is left behind
	t.Cleanup(func() { close(d.release) })
	d.hang(t, conn)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if u := conn.Usage(); u.Stuck != 0 {
		t.Errorf("usage %+v after Close", u)
	}
}
