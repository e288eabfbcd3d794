package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

const (
	slug      = "acme"
	otherSlug = "globex"
	password  = "a long pass phrase"
)

// rig is a gateway under attack with two organisations.
type rig struct {
	program string
	folder  string
	env     []string
	gateway *process.Process

	admin, analyst, viewer *client.Client // of acme
	other                  *client.Client // administrator of globex

	cleanUps []func(context.Context) error
}

func newRig(ctx context.Context, program string) (*rig, error) {
	for _, name := range []string{"MCPGW_TEST_POSTGRES", "MCPGW_TEST_MARIADB", "MCPGW_TEST_MYSQL", "MCPGW_TEST_REDIS"} {
		if os.Getenv(name) == "" {
			return nil, fmt.Errorf("%s is not set: run through scripts/with-servers", name)
		}
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	r := &rig{program: program}
	if r.folder, err = os.MkdirTemp("", "mcpgw-attack"); err != nil {
		return nil, err
	}
	// Servers of other users read below it.
	if err := os.Chmod(r.folder, 0o755); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{r.start, r.register} {
		if err := step(ctx); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *rig) close() {
	if err := r.cleanUp(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "attack: clean up:", err)
	}
	r.gateway.Stop()
	os.RemoveAll(r.folder)
}

// onCleanUp makes f run when the attempts of the kind have been made, the
// newest first.
func (r *rig) onCleanUp(f func(context.Context) error) { r.cleanUps = append(r.cleanUps, f) }

func (r *rig) cleanUp(ctx context.Context) error {
	var all error
	for len(r.cleanUps) > 0 {
		last := len(r.cleanUps) - 1
		f := r.cleanUps[last]
		r.cleanUps = r.cleanUps[:last]
		all = errors.Join(all, f(ctx))
	}
	return all
}

func (r *rig) data() string  { return filepath.Join(r.folder, "data") }
func (r *rig) files() string { return filepath.Join(r.folder, "files") } // users' SQLite files
func (r *rig) temp() string  { return filepath.Join(r.folder, "temp") }  // the gateway's temporary files

// start runs the gateway with its own store in SQLite.
func (r *rig) start(ctx context.Context) error {
	for _, dir := range []string{r.data(), r.files(), r.temp()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	r.env = []string{"SQLITE_ALLOWED_DIRS=" + r.files(), "TMPDIR=" + r.temp(), "SQLITE_TMPDIR=" + r.temp()}
	var err error
	r.gateway, err = process.StartGateway(ctx, r.program, r.data(), r.env)
	return err
}

// restart replaces a gateway that has ended or hangs.
func (r *rig) restart(ctx context.Context) error {
	r.gateway.Kill()
	if err := r.start(ctx); err != nil {
		return err
	}
	for _, c := range []*client.Client{r.admin, r.analyst, r.viewer, r.other} {
		c.Base = r.gateway.Base
	}
	return nil
}

// alive asks the gateway for a sign of life.
func (r *rig) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return (&client.Client{Base: r.gateway.Base}).WaitReady(ctx)
}

// register makes the organisations and their people. Everybody acts by an API
// key, which a gateway that is started again still knows.
func (r *rig) register(ctx context.Context) (err error) {
	anonymous := &client.Client{Base: r.gateway.Base}
	if r.other, err = newOrganisation(ctx, anonymous, "Globex", otherSlug); err != nil {
		return err
	}
	if r.admin, err = newOrganisation(ctx, anonymous, "Acme", slug); err != nil {
		return err
	}
	if r.analyst, err = r.newPerson(ctx, "analyst"); err != nil {
		return err
	}
	r.viewer, err = r.newPerson(ctx, "viewer")
	return err
}

func newOrganisation(ctx context.Context, anonymous *client.Client, name, slug string) (*client.Client, error) {
	email := "admin@" + slug + ".example"
	if _, err := anonymous.Register(ctx, name, slug, email, password); err != nil {
		return nil, err
	}
	return withKey(ctx, anonymous, slug, email)
}

// newPerson makes a user of acme.
func (r *rig) newPerson(ctx context.Context, role string) (*client.Client, error) {
	email := role + "@" + slug + ".example"
	if _, err := r.admin.CreateUser(ctx, email, password, role); err != nil {
		return nil, err
	}
	return withKey(ctx, r.admin, slug, email)
}

// withKey signs in by password and returns a client that carries a new key.
func withKey(ctx context.Context, c *client.Client, slug, email string) (*client.Client, error) {
	signedIn, err := c.Login(ctx, slug, email, password)
	if err != nil {
		return nil, err
	}
	key, err := signedIn.CreateKey(ctx, "attack")
	if err != nil {
		return nil, err
	}
	return c.As(key), nil
}

// connection adds a database to acme and returns the name of its execute
// tool. powerful allows a login that could do more than read.
func (r *rig) connection(ctx context.Context, name, engine, text string, powerful bool) (tool, id string, err error) {
	var made struct{ ID string }
	err = r.admin.Do(ctx, http.MethodPost, "/api/v1/connections", map[string]any{
		"name": name, "db_type": engine, "connection_string": text, "allow_powerful_login": powerful,
	}, &made)
	if err != nil {
		return "", "", err
	}
	slug := strings.ReplaceAll(strings.ToLower(name), " ", "_")
	return "execute_sql_" + slug + "_" + made.ID[:8], made.ID, nil
}

// query runs a statement as the analyst and returns what the model would read.
func (r *rig) query(ctx context.Context, tool, text string) (answer string, refused bool) {
	result, err := r.analyst.CallTool(ctx, slug, tool, map[string]any{"sql": text})
	if err != nil {
		return err.Error(), true
	}
	return result.Text(), result.IsError
}

// mustRefuse is an attempt that the gateway has to refuse before it runs.
func mustRefuse(tool, text string) attempt {
	return attempt{name: text, run: func(ctx context.Context, r *rig) (string, bool) {
		answer, refused := r.query(ctx, tool, text)
		return answer, refused && strings.HasPrefix(answer, "SQL rejected: ")
	}}
}

// mustFail is an attempt of which any refusal is good, the database's too.
func mustFail(tool, text string) attempt {
	return attempt{name: text, run: func(ctx context.Context, r *rig) (string, bool) { return r.query(ctx, tool, text) }}
}

// postgresDatabase makes a database of its own on the server of an environment
// variable, and returns its URL and a connection to it as superuser.
func (r *rig) postgresDatabase(ctx context.Context, variable, name string) (string, *sql.DB, error) {
	u, err := url.Parse(os.Getenv(variable))
	if err != nil {
		return "", nil, err
	}
	server, err := sql.Open("pgx", u.String())
	if err != nil {
		return "", nil, err
	}
	defer server.Close()
	name = fmt.Sprintf("mcpgw_attack_%s_%d", name, os.Getpid())
	if _, err := server.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	address := u.String()
	r.onCleanUp(func(ctx context.Context) error {
		return execute(ctx, "pgx", address, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	u.Path = "/" + name
	db, err := sql.Open("pgx", u.String())
	if err == nil {
		r.onCleanUp(func(context.Context) error { return db.Close() })
	}
	return u.String(), db, err
}

// mysqlDatabase is postgresDatabase for MariaDB and MySQL.
func (r *rig) mysqlDatabase(ctx context.Context, variable, name string) (string, *sql.DB, error) {
	u, err := url.Parse(os.Getenv(variable))
	if err != nil {
		return "", nil, err
	}
	secret, _ := u.User.Password()
	address := fmt.Sprintf("%s:%s@tcp(%s)/", u.User.Username(), secret, u.Host)
	name = fmt.Sprintf("mcpgw_attack_%s_%d", name, os.Getpid())
	if err := execute(ctx, "mysql", address, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	r.onCleanUp(func(ctx context.Context) error {
		return execute(ctx, "mysql", address, "DROP DATABASE IF EXISTS "+name)
	})
	u.Path = "/" + name
	db, err := sql.Open("mysql", address+name+"?multiStatements=true")
	if err == nil {
		r.onCleanUp(func(context.Context) error { return db.Close() })
	}
	return u.String(), db, err
}

func execute(ctx context.Context, driver, address, text string) error {
	db, err := sql.Open(driver, address)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, text)
	return err
}

// executeAll runs statements one after the other.
func executeAll(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, text := range statements {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", shorten(text, 80), err)
		}
	}
	return nil
}

// asUser returns a URL with another login.
func asUser(address, user, secret string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // it was parsed before
	}
	u.User = url.UserPassword(user, secret)
	return u.String()
}
