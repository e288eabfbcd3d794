// Package databasetest is the conformance suite of [database.Dialect]: every
// engine runs the same cases over a real server (contract 3.4, 3.5, 6.5, 6.6).
package databasetest

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Fixture is one engine under test. The database it names holds the tables of
// [Shop], made by the caller. Fields that an engine cannot have stay empty and
// their cases are not registered.
type Fixture struct {
	Dialect database.Dialect
	// Env reaches the fixture's server. Denied is the same with a policy
	// that refuses it; nil for engines without a network.
	Env    database.Env
	Denied *database.Env

	// Owner is the connection string of a login that may write; ReadOnly of
	// one that may not.
	Owner    string
	ReadOnly string
	// Secret is a text in every connection string, usually the password,
	// that no error may repeat.
	Secret string

	// Accepted and Refused are the parse table.
	Accepted []string
	Refused  []Refusal
	// Failures are well-formed strings that do not connect, by reason.
	Failures map[string]string // connection string by database.Err… text

	// Queries are the fixture's statements in the engine's language.
	Queries Queries
	// Values is the type sample: statements of one cell and its JSON.
	Values []Value
	// Writes are statements that must fail without changing a table, sent
	// without the guard: the engine's own layer has to stop them.
	Writes []string

	// Undone are statements that may run but whose effect must not outlive
	// them, because the rollback takes it away.
	Undone []string
	// State describes what else of the database must not change: objects,
	// sequences, locks. It may be nil.
	State func(testing.TB) string

	// Running reports whether Queries.Slow runs in the server; nil when the
	// engine lives in this process.
	Running func(testing.TB) bool
	// Disconnect ends the server's side of all connections of Owner.
	Disconnect func(testing.TB)

	// NoComments says that the engine keeps no comments on tables.
	NoComments bool
	// NoSchema leaves the schema cases out: a stand-in server without a
	// catalogue.
	NoSchema bool
}

// Refusal is a connection string that Parse refuses with a text that holds
// Names: the option or scheme at fault.
type Refusal struct{ ConnString, Names string }

// Value is a statement of one cell and the JSON it becomes.
type Value struct{ SQL, JSON string }

// Queries are statements every engine needs for the suite.
type Queries struct {
	Numbers       func(n int) string // rows 1…n in one integer column "n"
	Wide          func(n int) string // n rows of one text column "t" of 1,000 characters
	Slow          string             // runs for minutes when nobody stops it
	Duplicate     string             // one row 1, 2, 3 in columns a, a and one without a name
	DuplicateWant []string           // the columns' names after numbering
	UnknownTable  string
	UnknownColumn string
	SyntaxError   string
}

// Shop returns the fixture's tables as statements that every engine runs.
func Shop() []string {
	return []string{
		`CREATE TABLE customers (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, email VARCHAR(200), city VARCHAR(100) DEFAULT 'Bern', CONSTRAINT customers_email UNIQUE (email))`,
		`CREATE TABLE orders (id INTEGER NOT NULL PRIMARY KEY, customer_id INTEGER NOT NULL, total DECIMAL(10,2) NOT NULL, placed DATE, CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id))`,
		`CREATE INDEX orders_by_day ON orders (placed, customer_id)`,
		`CREATE VIEW customer_totals AS SELECT c.id, c.name, SUM(o.total) AS total FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.name`,
		`INSERT INTO customers (id, name, email) VALUES (1, 'Ann', 'ann@example.com'), (2, 'Bob "the" O''Neil', NULL), (3, 'Zoë', 'zoe@example.com')`,
		`INSERT INTO orders (id, customer_id, total, placed) VALUES (10, 1, 12.50, '2026-01-31'), (11, 1, 7.00, '2026-02-01'), (12, 3, 99999999.99, NULL)`,
	}
}

// Run runs the suite.
func Run(t *testing.T, f Fixture) {
	t.Run("Parse", f.testParse)
	t.Run("Guard", f.testGuard)
	t.Run("Failures", f.testFailures)
	t.Run("Probe", f.testProbe)
	if !f.NoSchema {
		t.Run("Schema", f.testSchema)
	}
	t.Run("Query", f.testQuery)
	t.Run("Values", f.testValues)
	t.Run("Cuts", f.testCuts)
	t.Run("Room", f.testRoom)
	t.Run("Columns", f.testColumns)
	t.Run("StatementErrors", f.testStatementErrors)
	t.Run("Timeout", f.testTimeout)
	t.Run("Cancel", f.testCancel)
	t.Run("Writes", f.testWrites)
	t.Run("Concurrency", f.testConcurrency)
	t.Run("Busy", f.testBusy)
	t.Run("Reconnect", f.testReconnect)
	t.Run("Close", f.testClose)
}

// patience bounds every wait of the suite; it is no expectation.
const patience = 30 * time.Second

func (f Fixture) context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// open returns a Conn that is closed, and checked for leaks, with the test.
func (f Fixture) open(t *testing.T, connString string) database.Conn {
	t.Helper()
	return f.openIn(t, connString, f.Env)
}

func (f Fixture) openIn(t *testing.T, connString string, env database.Env) database.Conn {
	t.Helper()
	before := goleak.IgnoreCurrent()
	target, err := f.Dialect.Parse(connString, env)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	conn, err := f.Dialect.Open(target, env)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		goleak.VerifyNone(t, before)
	})
	return conn
}

// statement wraps a text as the guard would, without asking the guard.
func statement(sql string) *sqlguard.Statement {
	return &sqlguard.Statement{SQL: sql, Kind: "SELECT"}
}

func (f Fixture) query(t *testing.T, conn database.Conn, sql string) *tool.Table {
	t.Helper()
	table, err := conn.Query(f.context(t), statement(sql), database.Limit{})
	if err != nil {
		t.Fatalf("Query(%.200s): %v", sql, err)
	}
	return table
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}
