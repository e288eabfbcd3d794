// Package database reaches the databases that users register. A [Dialect]
// knows one engine: its connection strings, its guard, its types, its catalogue.
// A [Conn] is one registered connection: a small pool that only reads.
package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Limits of contract 3.5 and 6.5.
const (
	MaxIdleConns   = 3
	MaxOpenConns   = 5
	ConnectTimeout = 10 * time.Second
	IdleTimeout    = 5 * time.Minute
	QueryTimeout   = 30 * time.Second
	MaxRows        = 10_000
	MaxResultBytes = 10 << 20
)

// Dialect is one database engine. Dialects are stateless and safe for
// concurrent use.
type Dialect interface {
	// Name is the db_type of contract 3.4: postgres, mysql, sqlite, mssql.
	Name() string
	// Title is the engine's name for people: "PostgreSQL".
	Title() string
	// Parse checks a connection string against contract 3.5 without dialling
	// anything. A refusal is an Unprocessable fault whose text names the
	// option or scheme and never repeats the string.
	Parse(connString string, env Env) (Target, error)
	// Open makes a Conn. It dials nothing until it is used.
	Open(target Target, env Env) (Conn, error)
	// Guard returns the engine's SQL guard.
	Guard() sqlguard.Guard
}

// Target is a parsed connection string, owned by the dialect that made it.
// It holds credentials: it is never logged and its String is redacted.
type Target interface {
	String() string
	// Address is the host:port that would be dialled, "" for a file.
	Address() string
}

// Env is what the gateway lets a connection reach.
type Env struct {
	Dialer *egress.Dialer // the only way to the network
	Slug   string         // the tenant's slug, for {tenant} in SQLiteDirs
	// SQLiteDirs are the folders below which SQLite files may lie
	// (SQLITE_ALLOWED_DIRS). OwnFiles are never opened.
	SQLiteDirs []string
	OwnFiles   []string
	// Rules are the administrator's decisions about this connection.
	Rules Rules
}

// Rules are an administrator's decisions about one connection. The zero value
// is the strictest.
type Rules struct {
	// AllowPowerfulLogin accepts a login that could run programs or read files
	// on the server (a superuser, FILE, …). Without it such a login is refused.
	AllowPowerfulLogin bool
	// AllowedFunctions are users' own functions that statements may run.
	AllowedFunctions []AllowedFunction
}

// AllowedFunction is a function on the list of a connection.
type AllowedFunction struct {
	Signature string // as in [Function]
	Hash      string // of the definition that the administrator saw
}

// HashDefinition returns the hash of a definition that an engine tells in parts:
// hexadecimal SHA-256. No part but one may hold a NUL character.
func HashDefinition(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// Function is a function that users have defined in a database, as an
// administrator is shown it before allowing it.
type Function struct {
	// Signature names exactly one function: schema-qualified, with the types
	// of its arguments, as the engine writes them: public.f_upper(text).
	Signature  string
	Returns    string
	Volatility string // in the engine's own word: immutable, stable, volatile, deterministic, …
	Language   string
	Source     string // the definition in the engine's words, "" when the login may not see it
	// Hash identifies the definition: a function that is edited gets another
	// one and is no longer allowed.
	Hash string
}

// Conn is an open registered connection. It is safe for concurrent use.
// Errors are faults: see [Classify].
type Conn interface {
	// Probe connects and reports version, latency and whether this login
	// could write.
	Probe(ctx context.Context) (Probe, error)
	// Schema reads the catalogue of this connection's database.
	Schema(ctx context.Context) (*Schema, error)
	// Query runs an accepted statement in a read-only transaction that is
	// always rolled back, and cancels it in the server when ctx ends.
	Query(ctx context.Context, stmt *sqlguard.Statement, limit Limit) (*tool.Table, error)
	// Relations lists what an accepted statement reads at any depth, through
	// views too: the relations' full names, sorted. It refuses the statement
	// like Query when what a relation runs is not allowed.
	Relations(ctx context.Context, stmt *sqlguard.Statement) ([]string, error)
	// Functions lists the functions that users have defined in this database,
	// ordered by signature. Engines without stored functions have none.
	Functions(ctx context.Context) ([]Function, error)
	// Usage says how busy the pool is.
	Usage() Usage
	// Close ends the pool. Running queries are cancelled.
	Close() error
}

// Limit bounds one query. Zero fields mean the contract's limits.
type Limit struct {
	Rows    int           // row cut; one more is fetched to know
	Bytes   int           // byte cut of the result's JSON
	Timeout time.Duration // statement timeout in the server
	// Room is asked before a result gets large; see [tool.Env]. May be nil.
	Room func(bytes int) error
}

// NewTable returns the empty table of a query within the limit.
func (l Limit) NewTable(columns []tool.Column) *tool.Table {
	t := tool.NewTable(columns, l.Bytes)
	t.AskToGrow(l.Room)
	return t
}

// OrDefault fills zero fields with the contract's limits.
func (l Limit) OrDefault() Limit {
	if l.Rows <= 0 {
		l.Rows = MaxRows
	}
	if l.Bytes <= 0 {
		l.Bytes = MaxResultBytes
	}
	if l.Timeout <= 0 {
		l.Timeout = QueryTimeout
	}
	return l
}

// Probe is what a connection test finds out (contract 3.4, TestResult).
type Probe struct {
	Latency       time.Duration
	ServerVersion string
	CanWrite      bool
	Warning       string // set when the login could write: what it could and how to fix it
}

// Schema is the catalogue of one database, ordered by schema and name.
type Schema struct {
	Tables []Table `json:"tables"`
}

// Table is a table, view or materialised view.
type Table struct {
	Schema      string       `json:"schema,omitempty"` // empty for SQLite
	Name        string       `json:"name"`
	Kind        string       `json:"kind"` // table, view, materialized view, foreign table
	Comment     string       `json:"comment,omitempty"`
	Rows        int64        `json:"rows"` // estimate, -1 when unknown
	Columns     []Column     `json:"columns"`
	PrimaryKey  []string     `json:"primary_key,omitempty"`
	ForeignKeys []ForeignKey `json:"foreign_keys,omitempty"`
	Unique      [][]string   `json:"unique,omitempty"`
	Indexes     []Index      `json:"indexes,omitempty"`
}

// Column is one column of a table.
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Default  string `json:"default,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

// ForeignKey refers to another table.
type ForeignKey struct {
	Columns    []string `json:"columns"`
	RefTable   string   `json:"ref_table"` // schema-qualified where the engine has schemas
	RefColumns []string `json:"ref_columns"`
}

// Index is an index that is no primary key or unique constraint of its own.
type Index struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Unique  bool     `json:"unique"`
}
