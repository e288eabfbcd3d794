package databasetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// testTimeout proves both clocks: the caller's deadline and the statement
// timeout of the limit.
func (f Fixture) testTimeout(t *testing.T) {
	conn := f.open(t, f.Owner)
	short, cancel := context.WithTimeout(f.context(t), 100*time.Millisecond)
	defer cancel()
	for name, run := range map[string]func() error{
		"deadline": func() error { return f.slow(short, conn, database.Limit{}) },
		"limit": func() error {
			return f.slow(f.context(t), conn, database.Limit{Timeout: 100 * time.Millisecond})
		},
	} {
		if err := run(); !fault.Is(err, fault.Timeout) || fault.Of(err).Public != "query timed out" {
			t.Errorf("%s: %v, want a timeout", name, err)
		}
		f.stopped(t)
		f.query(t, conn, f.Queries.Numbers(1))
	}
}

func (f Fixture) slow(ctx context.Context, conn database.Conn, limit database.Limit) error {
	_, err := conn.Query(ctx, statement(f.Queries.Slow), limit)
	if err == nil {
		return errors.New("the slow query ended by itself")
	}
	return err
}

func (f Fixture) stopped(t *testing.T) {
	t.Helper()
	if f.Running != nil {
		eventually(t, "the query ends in the server", func() bool { return !f.Running(t) })
	}
}

func (f Fixture) testCancel(t *testing.T) {
	conn := f.open(t, f.Owner)
	ctx, cancel := context.WithCancel(f.context(t))
	done := make(chan error, 1)
	go func() { done <- f.slow(ctx, conn, database.Limit{}) }()
	if f.Running != nil {
		eventually(t, "the slow query runs", func() bool { return f.Running(t) })
	}
	cancel()
	if err := <-done; !fault.Is(err, fault.Canceled) {
		t.Errorf("Query = %v, want Canceled", err)
	}
	f.stopped(t)
	f.query(t, conn, f.Queries.Numbers(1))

	if err := f.slow(ctx, conn, database.Limit{}); !fault.Is(err, fault.Canceled) {
		t.Errorf("Query under an ended context = %v, want Canceled", err)
	}
}

// testConcurrency puts many callers on few connections; each must get its own
// answer.
func (f Fixture) testConcurrency(t *testing.T) {
	const callers, rounds = 32, 8
	conn := f.open(t, f.Owner)
	done := make(chan error, callers)
	for i := range callers {
		go func() { done <- f.countRows(t, conn, i+1, rounds) }()
	}
	for range callers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (f Fixture) countRows(t *testing.T, conn database.Conn, rows, rounds int) error {
	for range rounds {
		table, err := conn.Query(f.context(t), statement(f.Queries.Numbers(rows)), database.Limit{})
		if err != nil {
			return err
		}
		if last := string(table.Cell(table.Len()-1, 0)); table.Len() != rows || last != fmt.Sprint(rows) {
			return fmt.Errorf("asked for %d rows, got %d, the last %s", rows, table.Len(), last)
		}
	}
	return nil
}

// testBusy fills the pool: a statement that waited for a connection in vain
// never ran, so it did not time out.
func (f Fixture) testBusy(t *testing.T) {
	conn := f.open(t, f.Owner)
	ctx, stop := context.WithCancel(f.context(t))
	defer stop()
	done := make(chan error, database.MaxOpenConns)
	for range database.MaxOpenConns {
		go func() { done <- f.slow(ctx, conn, database.Limit{}) }()
	}
	full := database.Usage{Open: database.MaxOpenConns, InUse: database.MaxOpenConns}
	eventually(t, "the pool is full", func() bool { return conn.Usage() == full })

	impatient, cancel := context.WithCancel(f.context(t))
	waited := make(chan error, 1)
	go func() { waited <- f.slow(impatient, conn, database.Limit{}) }()
	full.Waiting = 1
	eventually(t, "a call waits", func() bool { return conn.Usage() == full })
	cancel()
	if err := <-waited; !fault.Is(err, fault.Canceled) {
		t.Errorf("a caller who went away: %v, want Canceled", err)
	}

	_, err := conn.Query(f.context(t), statement(f.Queries.Numbers(1)), database.Limit{Timeout: 50 * time.Millisecond})
	if e := fault.Of(err); e.Kind != fault.Unavailable || e.Public != "all connections are busy with other queries, try again" {
		t.Errorf("a caller whose time ran out: %v", err)
	}

	stop()
	for range database.MaxOpenConns {
		if err := <-done; !fault.Is(err, fault.Canceled) {
			t.Errorf("a running call: %v, want Canceled", err)
		}
	}
	f.query(t, conn, f.Queries.Numbers(1))
	if u := conn.Usage(); u.InUse != 0 || u.Waiting != 0 {
		t.Errorf("afterwards %+v", u)
	}
}

// testReconnect has the server drop its connections, idle and in mid-query.
func (f Fixture) testReconnect(t *testing.T) {
	if f.Disconnect == nil {
		return
	}
	conn := f.open(t, f.Owner)
	f.query(t, conn, f.Queries.Numbers(1))
	f.Disconnect(t)
	f.query(t, conn, f.Queries.Numbers(1))

	done := make(chan error, 1)
	go func() { done <- f.slow(f.context(t), conn, database.Limit{}) }()
	eventually(t, "the slow query runs", func() bool { return f.Running(t) })
	f.Disconnect(t)
	if err := <-done; !fault.Is(err, fault.Unavailable) {
		t.Errorf("Query on a dropped connection = %v, want Unavailable", err)
	}
	f.query(t, conn, f.Queries.Numbers(1))
}
