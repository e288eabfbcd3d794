package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	modernc "modernc.org/sqlite"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

// engine is the fixture in a file of its own directory.
type engine struct{ dir string }

func startEngine(t testing.TB) *engine {
	t.Helper()
	e := &engine{dir: t.TempDir()}
	db := open(t, "file:"+e.file())
	if _, err := db.Exec(sqlguardtest.Text(t, "sqlite", "fixture.sql")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *engine) file() string { return filepath.Join(e.dir, "fixture.db") }

// reader opens the fixture as the dialect will, but for the authorizer: the
// second layer must be strong without the third. The caller closes the
// connection with release.
func (e *engine) reader(t testing.TB) (conn *sql.Conn, release func()) {
	t.Helper()
	db := open(t, "file:"+e.file()+"?mode=ro&_pragma=query_only(1)&_pragma=trusted_schema(0)&_defensive=1&_dqs=0")
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := modernc.Limit(conn, limitLength, 10<<20); err != nil {
		t.Fatal(err)
	}
	return conn, func() {
		if err := errors.Join(conn.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// limitLength is SQLITE_LIMIT_LENGTH: randomblob(1000000000) takes 46 s, and
// no interrupt ends it.
const limitLength = 0

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// read runs one statement and reads all its rows.
func read(conn *sql.Conn, text string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	rows, err := conn.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// files are the digests of all files beside the fixture and of the fixture.
func (e *engine) files(t testing.TB) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	digests := make(map[string]string)
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(e.dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		digests[entry.Name()] = hex.EncodeToString(sum[:])
	}
	return digests
}

// TestAcceptedRuns proves that what the guard lets through runs and leaves
// every byte as it was.
func TestAcceptedRuns(t *testing.T) {
	engine := startEngine(t)
	before := engine.files(t)
	conn, release := engine.reader(t)
	defer release()
	guard := New()
	for _, c := range sqlguardtest.Load(t, "sqlite", "accept.sql") {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err != nil {
				t.Fatal(err)
			}
			if err := read(conn, stmt.SQL, 10*time.Second); err != nil {
				t.Errorf("%v\ninput: %s\nran:   %s", err, c.SQL, stmt.SQL)
			}
		})
	}
	if diff := cmp.Diff(before, engine.files(t)); diff != "" {
		t.Errorf("the files changed (-before +after):\n%s", diff)
	}
}

// TestRefusedOnEngineAlone records what read-only mode would have stopped had
// guard and authorizer been off: the reason for all layers.
func TestRefusedOnEngineAlone(t *testing.T) {
	engine := startEngine(t)
	cases := sqlguardtest.Load(t, "sqlite", "refuse.sql")
	t.Chdir(engine.dir) // where ATTACH and VACUUM INTO would write
	before := engine.files(t)
	stopped := 0
	var passed []string
	for _, c := range cases {
		conn, release := engine.reader(t)
		if err := read(conn, c.SQL, 200*time.Millisecond); err != nil {
			stopped++
		} else {
			passed = append(passed, c.SQL)
		}
		release()
	}
	t.Logf("guard stopped %d of %d; read-only mode alone %d", len(cases), len(cases), stopped)
	t.Logf("files changed by what only the guard stops: %v", cmp.Diff(before, engine.files(t)))
	t.Logf("only the guard stops:\n%s", strings.Join(passed, "\n"))
}

// settings are what a statement could have changed in its session: the
// pragmas that guard writing, the attached databases, temporary objects.
func settings(t testing.TB, conn *sql.Conn) map[string]string {
	t.Helper()
	values := make(map[string]string)
	for _, query := range []string{
		"PRAGMA query_only", "PRAGMA trusted_schema", "PRAGMA foreign_keys", "PRAGMA journal_mode",
		"PRAGMA locking_mode", "PRAGMA cache_size", "PRAGMA busy_timeout", "PRAGMA temp_store", "PRAGMA writable_schema",
		"SELECT group_concat(name) FROM pragma_database_list WHERE name <> 'temp'", "SELECT count(*) FROM sqlite_temp_schema",
		"SELECT total_changes()",
	} {
		var value string
		if err := conn.QueryRowContext(context.Background(), query).Scan(&value); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		values[query] = value
	}
	return values
}
