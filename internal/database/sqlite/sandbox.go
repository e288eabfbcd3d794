package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// sandbox is where files may lie, and which of them never open.
type sandbox struct {
	dirs []string // absolute
	own  []string // the gateway's own database files
}

// siblings are the files that SQLite keeps beside a database.
var siblings = [...]string{"-wal", "-shm", "-journal"}

func newSandbox(env database.Env) sandbox {
	s := sandbox{own: env.OwnFiles}
	for _, dir := range env.SQLiteDirs {
		if strings.Contains(dir, "{tenant}") {
			// Without a slug the folder would be the one of all tenants.
			if env.Slug == "" {
				continue
			}
			dir = strings.ReplaceAll(dir, "{tenant}", env.Slug)
		}
		if abs, err := filepath.Abs(dir); err == nil {
			s.dirs = append(s.dirs, abs)
		}
	}
	return s
}

// place returns the absolute form of path, or refuses it: alike for every
// place outside, whether or not something is there. A link that leads out is
// refused here already, where an administrator reads the reason.
func (s sandbox) place(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil || !s.holds(abs) {
		return "", refuse("the file has to lie below one of SQLITE_ALLOWED_DIRS")
	}
	if left := maxSteps; !s.holds(followLinks(abs, &left)) {
		return "", refuse("the file is a symbolic link, or below one, that leads out of SQLITE_ALLOWED_DIRS")
	}
	return abs, nil
}

// maxSteps bounds the names and links on the way to a file.
const maxSteps = 4096

// followLinks resolves the links in an absolute path. Unlike EvalSymlinks it
// also tells where a path leads at whose end nothing is. It returns "" for a
// path of more than left steps.
func followLinks(path string, left *int) string {
	if *left--; *left < 0 {
		return ""
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	at := filepath.Join(followLinks(parent, left), filepath.Base(path))
	target, err := os.Readlink(at)
	if err != nil {
		return at
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(at), target)
	}
	return followLinks(target, left)
}

// holds compares names, with the folders as configured and as they resolve.
func (s sandbox) holds(abs string) bool {
	for _, dir := range s.dirs {
		if below(dir, abs) {
			return true
		}
		if left := maxSteps; below(followLinks(dir, &left), abs) {
			return true
		}
	}
	return false
}

func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != "." && filepath.IsLocal(rel)
}

// file is a database file as it was when it was opened.
type file struct {
	path      string // symbolic links resolved
	info      fs.FileInfo
	immutable bool // opened without locks, see openFile
}

// find resolves path to a regular file inside the sandbox. Everything else is
// answered alike, so that nobody learns what lies outside.
func (s sandbox) find(path string) (file, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return file{}, notFound(withoutPath(err))
	}
	info, err := os.Lstat(real)
	switch {
	case err != nil:
		return file{}, notFound(withoutPath(err))
	case !s.holdsReal(real):
		return file{}, notFound(errors.New("the path leads out of the allowed folders"))
	case !info.Mode().IsRegular():
		return file{}, notFound(errors.New("not a regular file"))
	case s.isOwn(info):
		return file{}, notFound(errors.New("the gateway's own database"))
	case !plainSiblings(real):
		return file{}, notFound(errors.New("a file beside the database is not a regular file"))
	}
	return file{path: real, info: info}, nil
}

// holdsReal is holds for a resolved path, which only resolved folders hold.
func (s sandbox) holdsReal(real string) bool {
	for _, dir := range s.dirs {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil && below(resolved, real) {
			return true
		}
	}
	return false
}

// isOwn compares files, not names: a hard link is the same file.
func (s sandbox) isOwn(info fs.FileInfo) bool {
	for _, own := range s.own {
		for _, suffix := range append(siblings[:], "") {
			if i, err := os.Stat(own + suffix); err == nil && os.SameFile(i, info) {
				return true
			}
		}
	}
	return false
}

// plainSiblings reports whether what SQLite would open beside the database is
// a regular file or absent: a link there could lead the engine out.
func plainSiblings(path string) bool {
	for _, suffix := range siblings {
		info, err := os.Lstat(path + suffix)
		if err == nil && !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// current reports whether the file at the path is still the one that was
// opened. One opened without locks must not have changed at all.
func (f file) current() bool {
	info, err := os.Lstat(f.path)
	if err != nil || !os.SameFile(info, f.info) {
		return false
	}
	return !f.immutable || info.Size() == f.info.Size() && info.ModTime().Equal(f.info.ModTime()) && f.atRest()
}

// atRest reports whether the file is complete without a log or a journal
// beside it: nobody has it open for writing, and no crash left work undone.
func (f file) atRest() bool {
	for _, suffix := range siblings {
		if _, err := os.Lstat(f.path + suffix); err == nil {
			return false
		}
	}
	return true
}

// settling is how long after its last change a file counts as settled: more
// than the unit in which any file system keeps the time of a change, so that
// another change shows.
const settling = 3 * time.Second

// settled reports whether the file is at rest, and any change from now on shows
// in current.
func (f file) settled() bool { return f.atRest() && time.Since(f.info.ModTime()) > settling }

func notFound(cause error) error { return database.ConnectFault(database.ErrDatabaseNotFound, cause) }

// withoutPath keeps the path out of the log: it is part of the connection
// string.
func withoutPath(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
