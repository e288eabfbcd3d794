//go:build unix

package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func TestSandbox(t *testing.T) {
	root := t.TempDir()
	allowed, outside := filepath.Join(root, "allowed"), filepath.Join(root, "outside")
	mustDo(t, os.MkdirAll(filepath.Join(allowed, "sub"), 0o755))
	mustDo(t, os.Mkdir(outside, 0o755))
	create := func(path string) string { return mustCreate(t, path, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)") }
	plain := create(filepath.Join(allowed, "sub", "plain.db"))
	secret := create(filepath.Join(outside, "secret.db"))
	own := create(filepath.Join(allowed, "gateway.db"))
	ownLog := own + "-wal"
	mustDo(t, os.WriteFile(ownLog, []byte("log"), 0o600))
	beside := create(filepath.Join(allowed, "beside.db"))
	in := func(name string) string { return filepath.Join(allowed, name) }
	mustDo(t, os.Symlink(plain, in("inner-link.db")))
	mustDo(t, os.Symlink(secret, in("outer-link.db")))
	mustDo(t, os.Symlink(filepath.Join(outside, "missing.db"), in("dangling.db")))
	mustDo(t, os.Symlink(outside, in("outer-dir")))
	mustDo(t, os.Link(own, in("hard-link.db")))
	mustDo(t, os.Symlink(own, in("own-link.db")))
	mustDo(t, os.Symlink(secret, beside+"-wal"))
	mustDo(t, syscall.Mkfifo(in("pipe.db"), 0o600))
	mustDo(t, os.Symlink(allowed, filepath.Join(root, "allowed-link")))

	for _, tt := range []struct{ name, dir, path, want string }{
		{"plain", allowed, plain, "1"},
		{"link inside", allowed, in("inner-link.db"), "1"},
		{"folder is a link", filepath.Join(root, "allowed-link"), filepath.Join(root, "allowed-link", "sub", "plain.db"), "1"},
		{"folder is a link, file by its real name", filepath.Join(root, "allowed-link"), plain, "1"},
		{"folder", allowed, in("sub"), database.ErrDatabaseNotFound},
		{"pipe", allowed, in("pipe.db"), database.ErrDatabaseNotFound},
		{"own file", allowed, own, database.ErrDatabaseNotFound},
		{"own file's log", allowed, ownLog, database.ErrDatabaseNotFound},
		{"own file by a hard link", allowed, in("hard-link.db"), database.ErrDatabaseNotFound},
		{"own file by a link", allowed, in("own-link.db"), database.ErrDatabaseNotFound},
		{"log is a link", allowed, beside, database.ErrDatabaseNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := database.Env{SQLiteDirs: []string{tt.dir}, OwnFiles: []string{own}}
			if got := count(t, mustOpenIn(t, tt.path, env)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestLinksOutAreRefusedWhenStored tells the reason where an administrator
// reads it, alike whether or not something is at the link's end.
func TestLinksOutAreRefusedWhenStored(t *testing.T) {
	root := t.TempDir()
	allowed, outside := filepath.Join(root, "allowed"), filepath.Join(root, "outside")
	mustDo(t, os.Mkdir(allowed, 0o755))
	mustDo(t, os.Mkdir(outside, 0o755))
	mustDo(t, os.WriteFile(outside+"/there.db", nil, 0o600))
	in := func(name string) string { return filepath.Join(allowed, name) }
	for name, target := range map[string]string{
		"absolute.db": outside + "/there.db", "relative.db": "../outside/there.db", "dangling.db": outside + "/missing.db",
		"folder": outside, "chain.db": in("absolute.db"), "loop.db": in("loop.db"), "grow.db": "grow.db/grow.db",
		"inside.db": in("real.db"), "inside-relative.db": "./real.db",
	} {
		mustDo(t, os.Symlink(target, in(name)))
	}
	mustDo(t, os.Symlink(allowed, root+"/allowed-link"))
	for _, tt := range []struct {
		path string
		ok   bool
	}{
		{"allowed/absolute.db", false}, {"allowed/relative.db", false}, {"allowed/dangling.db", false}, {"allowed/folder/there.db", false},
		{"allowed/folder/missing.db", false}, {"allowed/chain.db", false}, {"allowed/loop.db", false}, {"allowed/grow.db", false},
		{"allowed/inside.db", true}, {"allowed/inside-relative.db", true}, {"allowed/missing/a.db", true}, {"allowed-link/real.db", true},
	} {
		env := database.Env{SQLiteDirs: []string{allowed, root + "/allowed-link"}}
		_, err := dialect().Parse("sqlite:///"+root+"/"+tt.path, env)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.path, err)
		}
		if err != nil && (!fault.Is(err, fault.Unprocessable) || strings.Contains(err.Error(), "there")) {
			t.Errorf("%s: %v", tt.path, err)
		}
	}
}

func TestTenantFolders(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct {
		slug, path string
		ok         bool
	}{
		{"acme", "acme/a.db", true},
		{"acme", "other/a.db", false},
		{"acme", "acme-2/a.db", false},
		{"acme", "acme/../other/a.db", false},
		{"", "acme/a.db", false},
		{"", "a.db", false},
	} {
		env := database.Env{SQLiteDirs: []string{root + "/{tenant}"}, Slug: tt.slug}
		_, err := dialect().Parse("sqlite:///"+root+"/"+tt.path, env)
		if (err == nil) != tt.ok {
			t.Errorf("slug %q, %s: %v", tt.slug, tt.path, err)
		}
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	mustDo(t, os.Mkdir("data", 0o755))
	mustCreate(t, "data/a.db", "CREATE TABLE t (a)")
	env := database.Env{SQLiteDirs: []string{"./data"}}
	if got := count(t, mustOpenIn(t, "data/a.db", env)); got != "0" {
		t.Errorf("got %q", got)
	}
	if _, err := dialect().Parse("sqlite:///a.db", env); !fault.Is(err, fault.Unprocessable) {
		t.Errorf("a file in the working directory: %v", err)
	}
}

// TestExchangedFile replaces the file while a connection holds it open, as a
// nightly export does.
func TestExchangedFile(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)")
	conn := mustOpen(t, dir, path)
	if got := count(t, conn); got != "0" {
		t.Fatalf("got %q", got)
	}
	mustDo(t, os.Rename(mustCreate(t, dir+"/b.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"), path))
	if got := count(t, conn); got != "1" {
		t.Errorf("after the exchange: %q", got)
	}
	mustDo(t, os.Remove(path))
	if got := count(t, conn); got != database.ErrDatabaseNotFound {
		t.Errorf("after the removal: %q", got)
	}
}

func TestErrorsHideThePath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hidden")
	mustDo(t, os.Mkdir(dir, 0o755))
	mustDo(t, os.WriteFile(dir+"/text.db", []byte(strings.Repeat("text ", 300)), 0o600))
	for _, name := range []string{"missing.db", "text.db"} {
		_, err := mustOpen(t, dir, dir+"/"+name).Probe(t.Context())
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
