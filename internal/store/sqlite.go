package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// sqlitePath reads sqlite:///relative/path or sqlite:////absolute/path.
func sqlitePath(url string) (string, bool) { return strings.CutPrefix(url, "sqlite:///") }

// sqliteEngine is a database in one file: one writer, several readers.
type sqliteEngine struct {
	path    string
	writing *prepared // statements of the writer
}

// openSQLite opens the writer and the readers. An acknowledged commit must
// survive a power cut, hence synchronous=FULL.
func (d *DB) openSQLite(path string, readers int) error {
	if path == "" || strings.ContainsAny(path, "?\x00") || strings.HasPrefix(path, ":") {
		return fault.New(fault.Invalid, "DATABASE_URL must name a file: sqlite:///path")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return d.unopened(err)
	}
	if err := createPrivate(path); err != nil {
		return d.unopened(err)
	}
	if err := d.openWriter(path); err != nil {
		return d.unopened(err)
	}
	d.engine = sqliteEngine{path: path, writing: &prepared{pool: d.write}}
	d.read, err = openFile(path, url.Values{
		"mode":    {"ro"},
		"_pragma": {"busy_timeout(10000)", "query_only(1)"},
	})
	if err != nil {
		return errors.Join(d.unopened(err), d.write.Close())
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	d.read.SetConnMaxIdleTime(time.Minute) // each holds a page cache
	d.reads = db.New(&prepared{pool: d.read})
	return nil
}

// openWriter opens the one connection that writes.
func (d *DB) openWriter(path string) error {
	pool, err := openFile(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)"},
	})
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	pool.SetMaxIdleConns(1)
	if err := awaitWriter(pool); err != nil {
		return errors.Join(err, pool.Close())
	}
	d.write = pool
	return nil
}

func (d *DB) unopened(err error) error {
	return fault.Wrap(fault.Unavailable, fmt.Errorf("store: open: %w", err), "Database unavailable")
}

// createPrivate makes the file and its folder when they are missing, readable
// by the owner alone. SQLite gives its side files the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func openFile(path string, options url.Values) (*sql.DB, error) {
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	c, err := sqlite.NewConnector("file:" + name + "?" + options.Encode())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// awaitWriter opens the writer's connection. Switching a new file to WAL does
// not wait for a lock, so another process that starts at the same time makes
// it fail at once: that is tried again.
func awaitWriter(pool *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		err := pool.PingContext(ctx)
		if sqliteCode(err)&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return sqlite3.SQLITE_OK
}

func (e sqliteEngine) migrating() (database.Dialect, lock.SessionLocker) {
	return database.DialectSQLite3, &fileLock{path: e.path + "-migration"}
}

// execAll prepares before it begins: there is only one connection, which then
// belongs to the transaction.
func (e sqliteEngine) execAll(ctx context.Context, pool *sql.DB, all []statement) error {
	ready := make([]*sql.Stmt, len(all))
	for i, s := range all {
		var err error
		if ready[i], err = e.writing.PrepareContext(ctx, s.text); err != nil {
			return err
		}
	}
	return inTx(ctx, pool, func(tx *sql.Tx) error {
		for i, s := range all {
			if _, err := tx.StmtContext(ctx, ready[i]).ExecContext(ctx, s.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (sqliteEngine) headMoved(err error) bool {
	return sqliteCode(err) == sqlite3.SQLITE_CONSTRAINT_NOTNULL
}

// noTable: the texts that this is asked about are constant, so a generic error
// can mean nothing else.
func (sqliteEngine) noTable(err error) bool { return sqliteCode(err) == sqlite3.SQLITE_ERROR }

func (sqliteEngine) kind(err error) fault.Kind {
	code := sqliteCode(err)
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fault.Conflict
	}
	switch code & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE:
		return fault.Invalid
	case sqlite3.SQLITE_INTERRUPT:
		return fault.Canceled
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fault.Unavailable
	default:
		return fault.Internal
	}
}

// fileLock is held as the write lock of a small database beside the real one,
// which works wherever SQLite itself works and ends with its process.
type fileLock struct {
	path string

	mu   sync.Mutex
	pool *sql.DB
	held *sql.Tx
}

// SessionLock waits for the lock.
func (l *fileLock) SessionLock(ctx context.Context, _ *sql.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := createPrivate(l.path); err != nil {
		return err
	}
	pool, err := openFile(l.path, url.Values{"_txlock": {"exclusive"}, "_pragma": {"busy_timeout(300000)"}})
	if err != nil {
		return err
	}
	held, err := pool.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	l.pool, l.held = pool, held
	return nil
}

// SessionUnlock gives the lock back.
func (l *fileLock) SessionUnlock(context.Context, *sql.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.held.Rollback(), l.pool.Close())
}
