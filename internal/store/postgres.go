package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// postgresEngine is a pool of connections to a server, and what makes one.
type postgresEngine struct{ config *pgx.ConnConfig }

// Session settings (contract 12). A transaction whose client vanished must
// not keep its locks.
const (
	statementTimeout = "30s"
	idleInTxTimeout  = "60s"
)

func (d *DB) openPostgres(url string, conns int) error {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return fault.New(fault.Invalid, "DATABASE_URL must begin with sqlite:/// or postgresql://")
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Errorf("store: %w", err), "DATABASE_URL is not a valid PostgreSQL URL")
	}
	setDefault(cfg.RuntimeParams, "application_name", "mcp-gateway")
	setDefault(cfg.RuntimeParams, "statement_timeout", statementTimeout)
	setDefault(cfg.RuntimeParams, "idle_in_transaction_session_timeout", idleInTxTimeout)
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	d.engine, d.write, d.read = postgresEngine{config: cfg}, pool, pool
	d.reads = db.New(pool) // pgx prepares by itself
	return nil
}

// Endpoints lists the host:port pairs that a PostgreSQL URL leads to. Only the
// driver knows them all: a URL may name several hosts, and its options others.
// A Unix socket is none.
func Endpoints(url string) ([]string, error) {
	cfg, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, fmt.Errorf("store: %w", err), "DATABASE_URL is not a valid PostgreSQL URL")
	}
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port}}, cfg.Fallbacks...)
	var out []string
	for _, f := range all {
		network, address := pgconn.NetworkAddress(f.Host, f.Port)
		if network == "tcp" && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out, nil
}

func setDefault(params map[string]string, key, value string) {
	if params[key] == "" {
		params[key] = value
	}
}

func (postgresEngine) migrating() (database.Dialect, lock.SessionLocker) {
	return database.DialectPostgres, advisoryLock{}
}

// execAll sends all statements at once. Up to the one Sync at their end they
// are one transaction
// (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
func (postgresEngine) execAll(ctx context.Context, pool *sql.DB, all []statement) error {
	var batch pgx.Batch
	for _, s := range all {
		batch.Queue(s.text, s.args...)
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	return conn.Raw(func(c any) error {
		return c.(*stdlib.Conn).Conn().SendBatch(ctx, &batch).Close()
	})
}

func (postgresEngine) headMoved(err error) bool {
	return postgresCode(err) == "23502" || err != nil && pgconn.SafeToRetry(err)
}

func (postgresEngine) noTable(err error) bool { return postgresCode(err) == "42P01" }

func postgresCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// kind classifies by SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func (postgresEngine) kind(err error) fault.Kind {
	var connect *pgconn.ConnectError
	code := postgresCode(err)
	switch {
	case errors.As(err, &connect):
		return fault.Unavailable
	case code == "":
		return fault.Internal
	case code == "23505":
		return fault.Conflict
	case code == "57014": // statement timeout: our own cancellation shows as a context error
		return fault.Timeout
	}
	switch code[:2] {
	case "22", "23":
		return fault.Invalid
	case "08", "25", "40", "53", "55", "57", "58":
		return fault.Unavailable
	default:
		return fault.Internal
	}
}

// advisoryLock keeps migrations apart. It lives in the session, so it ends
// with the process that held it.
type advisoryLock struct{}

// migrationLock is the key of the advisory lock: "mcpgw" in ASCII.
const migrationLock = 0x6d63706777

// SessionLock waits for the lock. Waiting and migrating may take longer than a
// statement may.
func (advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SET statement_timeout = 0"); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock)
	return err
}

// SessionUnlock gives the lock back and the session its time limit.
func (advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", migrationLock)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "RESET statement_timeout")
	return err
}
