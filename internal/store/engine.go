package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/google/uuid"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// engine is what differs between SQLite and PostgreSQL once they are open.
type engine interface {
	// migrating returns the dialect of migrations and the lock that keeps
	// others from migrating the same database.
	migrating() (database.Dialect, lock.SessionLocker)
	// execAll runs statements whose results do not matter in one transaction,
	// with as few round trips as the engine allows.
	execAll(ctx context.Context, pool *sql.DB, all []statement) error
	// headMoved reports whether err says that AdvanceAuditHead found another
	// head, or that nothing was sent at all.
	headMoved(err error) bool
	// kind classifies an error of the driver.
	kind(err error) fault.Kind
	// noTable reports whether err says that a table does not exist.
	noTable(err error) bool
}

// statement is a SQL text with its arguments.
type statement struct {
	text string
	args []any
}

// newID returns an id that sorts by its time.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// prepared runs statements that are prepared once per connection. It is for a
// fixed set of texts: it never forgets one.
type prepared struct {
	pool  *sql.DB
	stmts sync.Map // text → *sql.Stmt
}

func (p *prepared) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := p.stmts.Load(text); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := p.pool.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if kept, raced := p.stmts.LoadOrStore(text, s); raced {
		return kept.(*sql.Stmt), s.Close()
	}
	return s, nil
}

func (p *prepared) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	s, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext cannot return an error of its own: one of preparing comes
// back from running the text unprepared.
func (p *prepared) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	s, err := p.PrepareContext(ctx, text)
	if err != nil {
		return p.pool.QueryRowContext(ctx, text, args...)
	}
	return s.QueryRowContext(ctx, args...)
}
