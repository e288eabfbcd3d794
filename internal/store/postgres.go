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
	"github.com/mcp-gateway/mcp-gateway/internal/pgdirect"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// postgresEngine is a pool of connections to a server, and what makes one.
type postgresEngine struct {
	config *pgx.ConnConfig
	direct bool // no pooler is in between; see package pgdirect
}

// Session settings (contract 12). A transaction whose client vanished must
// not keep its locks.
const (
	statementTimeout = "30s"
	idleInTxTimeout  = "60s"
)

func (d *DB) openPostgres(ctx context.Context, url string, conns int) error {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return fault.New(fault.Invalid, "DATABASE_URL must begin with sqlite:/// or postgresql://")
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Errorf("store: %w", err), "DATABASE_URL is not a valid PostgreSQL URL")
	}
	setDefault(cfg.RuntimeParams, "application_name", "mcp-gateway")
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	direct, err := leadsDirectly(ctx, cfg)
	if err != nil {
		return postgresFault(d, err)
	}
	adapt(cfg, direct)
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	d.engine, d.write, d.read = postgresEngine{config: cfg, direct: direct}, pool, pool
	d.reads = db.New(pool) // pgx prepares by itself
	return nil
}

// leadsDirectly connects once and reports whether the connection ends at the
// server. It asks inside of a transaction, which a pooler in statement mode
// refuses.
func leadsDirectly(ctx context.Context, cfg *pgx.ConnConfig) (bool, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer hangUp(conn)
	if _, err := conn.PgConn().Exec(ctx, "BEGIN READ ONLY").ReadAll(); err != nil {
		return false, err
	}
	results, err := conn.PgConn().Exec(ctx, "SELECT "+pgdirect.Columns+"; ROLLBACK").ReadAll()
	if err != nil || len(results) == 0 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 3 {
		return false, err
	}
	v := results[0].Rows[0]
	return pgdirect.Proven(conn.PgConn(), string(v[0]), string(v[1]), string(v[2])), nil
}

// adapt bounds the sessions of direct connections, and prepares statements on
// them. A pooler refuses the bounds at startup, and would leave them and the
// statements with others: there the login's own bounds apply (ALTER ROLE … SET
// statement_timeout), and every statement is sent whole, without a name.
func adapt(cfg *pgx.ConnConfig, direct bool) {
	if direct {
		setDefault(cfg.RuntimeParams, "statement_timeout", statementTimeout)
		setDefault(cfg.RuntimeParams, "idle_in_transaction_session_timeout", idleInTxTimeout)
		return
	}
	if cfg.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
}

// postgresFault says in words what a pooler cannot give.
func postgresFault(d *DB, err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && strings.Contains(e.Message, "statement pooling") {
		return fault.Wrap(fault.Unavailable, err, "DATABASE_URL leads through a pooler in statement mode, which allows no transaction; use its transaction or session mode")
	}
	if errors.As(err, &e) && strings.Contains(e.Message, "startup parameter") {
		return fault.Wrap(fault.Unavailable, err, "DATABASE_URL leads through a pooler that refuses an option in it; leave the option out and set it for the login: ALTER ROLE … SET …")
	}
	return d.fault("ping", err)
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

func (e postgresEngine) migrating() (database.Dialect, lock.SessionLocker) {
	return database.DialectPostgres, &migrationLocker{engine: e}
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

// migrationLocker keeps the migrations of several instances apart by an advisory
// lock. It belongs to a transaction on a connection of its own, so that a pooler
// keeps both together, and ends with the process that held it.
type migrationLocker struct {
	engine postgresEngine
	holder *pgx.Conn
}

// migrationLock is the key of the advisory lock: "mcpgw" in ASCII.
const migrationLock = 0x6d63706777

// SessionLock waits for the lock. Waiting and migrating may take longer than a
// statement may. A pooler would leave the setting with another application, and
// none of its connections has a limit of ours.
func (l *migrationLocker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	holder, err := pgx.ConnectConfig(ctx, l.engine.config)
	if err != nil {
		return err
	}
	l.holder = holder
	_, err = holder.PgConn().Exec(ctx, fmt.Sprintf(
		"BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(%d)",
		migrationLock)).ReadAll()
	if err == nil && l.engine.direct {
		_, err = conn.ExecContext(ctx, "SET statement_timeout = 0")
	}
	if err != nil {
		hangUp(holder)
	}
	return err
}

// SessionUnlock gives the lock back and the session its time limit.
func (l *migrationLocker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	defer hangUp(l.holder)
	_, err := l.holder.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
	if err == nil && l.engine.direct {
		_, err = conn.ExecContext(ctx, "RESET statement_timeout")
	}
	return err
}
