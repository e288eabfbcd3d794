// Package sqlite reaches SQLite files below the folders that the operator
// allows (contract 3.5, row SQLite). Files are opened read-only; a file is
// judged again, symbolic links resolved, each time it is opened.
//
// The file itself is read by worker processes (package engine), so that
// neither a statement nor a damaged file can touch the gateway's own memory.
package sqlite

import (
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// Dialect is SQLite.
type Dialect struct {
	guard  sqlguard.Guard
	worker Command
}

var _ database.Dialect = (*Dialect)(nil)

// New returns the dialect with its guard, which the caller may have cached,
// and the command that starts its workers.
func New(guard sqlguard.Guard, worker Command) *Dialect { return &Dialect{guard, worker} }

// Name is the db_type.
func (*Dialect) Name() string { return "sqlite" }

// Title is the name for people.
func (*Dialect) Title() string { return "SQLite" }

// Guard returns the SQL guard of SQLite.
func (d *Dialect) Guard() sqlguard.Guard { return d.guard }

// target is the absolute path of a file below an allowed folder.
type target struct{ path string }

// String tells nothing: the path is for administrators only.
func (target) String() string { return "sqlite:///…" }

// Address implements database.Target: a file has none.
func (target) Address() string { return "" }

// Parse accepts sqlite:///relative/path and sqlite:////absolute/path, without
// options. The file need not exist; its folder has to be an allowed one, also
// where symbolic links lead it.
func (*Dialect) Parse(connString string, env database.Env) (database.Target, error) {
	path, err := splitPath(connString)
	if err != nil {
		return nil, err
	}
	abs, err := newSandbox(env).place(path)
	if err != nil {
		return nil, err
	}
	return target{abs}, nil
}

func splitPath(connString string) (string, error) {
	scheme, rest, ok := strings.Cut(connString, "://")
	if !ok {
		return "", refuse("the form is sqlite:///path/to/file.db")
	}
	if !strings.EqualFold(scheme, "sqlite") {
		return "", refuse(fmt.Sprintf("scheme %.40q does not belong to sqlite", scheme))
	}
	path, options, hasOptions := strings.Cut(rest, "?")
	if hasOptions {
		name, _, _ := strings.Cut(options, "=")
		return "", refuse(fmt.Sprintf("option %.40q is not allowed", name))
	}
	path, ok = strings.CutPrefix(path, "/")
	if !ok || path == "" || path == "/" {
		return "", refuse("the form is sqlite:///path/to/file.db, with three slashes, or four before an absolute path")
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return "", refuse("the path holds a control character")
	}
	return path, nil
}

func refuse(text string) *fault.Error { return fault.Field("connection_string", text) }

// Open makes a Conn; its first use starts a worker, which opens the file.
func (d *Dialect) Open(t database.Target, env database.Env) (database.Conn, error) {
	file, ok := t.(target)
	if !ok {
		return nil, fmt.Errorf("sqlite: target of another dialect: %T", t)
	}
	return newConn(file.path, newSandbox(env), d.worker), nil
}
