package store_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestSimultaneousStartsMigrateOnce(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				d, err := store.Open(t.Context(), url, store.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer d.Close() //nolint:errcheck // end of the test
				if err := d.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
				if err := d.CheckSchema(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		d := mustOpen(t, url)
		list, err := d.MigrationStatus(t.Context())
		if err != nil || len(list) == 0 {
			t.Fatalf("status %v, %v", list, err)
		}
		for _, m := range list {
			if m.AppliedAt.IsZero() {
				t.Errorf("migration %d is pending", m.Version)
			}
		}
	})
}

func TestSchemaVersions(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		ctx := t.Context()
		d := mustOpen(t, url)
		at, expected, err := d.SchemaVersion(ctx)
		if at != 0 || expected == 0 || err != nil {
			t.Errorf("empty database: at %d, expected %d, %v", at, expected, err)
		}
		if err := d.CheckSchema(ctx); !fault.Is(err, fault.Unavailable) || !strings.HasPrefix(fault.Of(err).Public, "Pending migrations: at 0, expected ") {
			t.Errorf("empty database: %v", err)
		}
		if err := d.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		if at, _, err := d.SchemaVersion(ctx); at != expected || err != nil {
			t.Errorf("migrated: at %d, want %d, %v", at, expected, err)
		}
		if err := d.MigrateDown(ctx); err != nil {
			t.Fatal(err)
		}
		if err := d.CheckSchema(ctx); !fault.Is(err, fault.Unavailable) {
			t.Errorf("older schema: %v", err)
		}
		for range expected + 1 { // down to nothing, and once more
			if err := d.MigrateDown(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Migrate(ctx); err != nil {
			t.Fatalf("up again: %v", err)
		}
		mustExec(t, url, "INSERT INTO schema_migrations (version_id, is_applied) VALUES ($1, $2)", expected+100, true)
		if at, _, err := d.SchemaVersion(ctx); at != expected+100 || err != nil {
			t.Errorf("newer schema: at %d, %v", at, err)
		}
		if err := d.CheckSchema(ctx); err != nil {
			t.Errorf("newer schema: %v", err)
		}
		if err := d.Migrate(ctx); err != nil {
			t.Errorf("start on a newer schema: %v", err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		url  string
		kind fault.Kind
	}{
		"empty":          {"", fault.Invalid},
		"other scheme":   {"mysql://u:secret@h/db", fault.Invalid},
		"no path":        {"sqlite:///", fault.Invalid},
		"memory":         {"sqlite:///:memory:", fault.Invalid},
		"options":        {"sqlite:///" + dir + "/x.db?_pragma=x", fault.Invalid},
		"bad port":       {"postgres://u:secret@h:port/db", fault.Invalid},
		"folder":         {"sqlite:///" + dir, fault.Unavailable},
		"nobody answers": {"postgres://u:secret@127.0.0.1:1/db", fault.Unavailable},
	} {
		d, err := store.Open(t.Context(), c.url, store.Options{})
		if !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want kind %d", name, err, c.kind)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
		if d != nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes mean nothing there")
	}
	path := filepath.Join(t.TempDir(), "made", "gateway.db")
	d := mustOpen(t, "sqlite:///"+path)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "gateway.db": 0o600, "gateway.db-wal": 0o600, "gateway.db-migration": 0o600} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestSQLiteRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	mustOpen(t, "sqlite:///./data/gateway.db")
	if _, err := os.Stat(filepath.Join("data", "gateway.db")); err != nil {
		t.Error(err)
	}
}
