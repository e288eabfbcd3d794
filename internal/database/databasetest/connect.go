package databasetest

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func (f Fixture) testParse(t *testing.T) {
	for _, s := range append([]string{f.Owner}, f.Accepted...) {
		target, err := f.Dialect.Parse(s, f.Env)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
			continue
		}
		f.keepsSecret(t, target.String())
	}
	for _, r := range f.Refused {
		_, err := f.Dialect.Parse(r.ConnString, f.Env)
		e := fault.Of(err)
		switch {
		case err == nil:
			t.Errorf("Parse(%q): accepted", r.ConnString)
		case e.Kind != fault.Unprocessable || e.Field != "connection_string":
			t.Errorf("Parse(%q): kind %d, field %q", r.ConnString, e.Kind, e.Field)
		case !strings.Contains(e.Public, r.Names):
			t.Errorf("Parse(%q): %q does not name %q", r.ConnString, e.Public, r.Names)
		default:
			f.keepsSecret(t, err.Error())
		}
	}
}

// keepsSecret checks that a text for people or logs holds no credential.
func (f Fixture) keepsSecret(t *testing.T, text string) {
	t.Helper()
	if f.Secret != "" && strings.Contains(text, f.Secret) {
		t.Errorf("the secret is shown: %q", text)
	}
}

func (f Fixture) testGuard(t *testing.T) {
	guard := f.Dialect.Guard()
	if guard.Version() == "" {
		t.Error("the guard's policy has no version")
	}
	if _, err := guard.Check("SELECT id FROM customers"); err != nil {
		t.Errorf("a plain read is refused: %v", err)
	}
}

func (f Fixture) testFailures(t *testing.T) {
	for reason, connString := range f.Failures {
		t.Run(strings.ReplaceAll(reason, " ", "_"), func(t *testing.T) {
			f.wantFailure(t, f.open(t, connString), reason)
		})
	}
	if f.Denied != nil {
		t.Run("denied", func(t *testing.T) {
			f.wantFailure(t, f.openIn(t, f.Owner, *f.Denied), database.ErrHostNotAllowed)
		})
	}
}

func (f Fixture) wantFailure(t *testing.T, conn database.Conn, reason string) {
	t.Helper()
	_, err := conn.Probe(f.context(t))
	e := fault.Of(err)
	if err == nil || e.Kind != fault.Unavailable || e.Public != reason {
		t.Fatalf("Probe: %v, want %q", err, reason)
	}
	f.keepsSecret(t, err.Error())
	_, err = conn.Query(f.context(t), statement("SELECT 1"), database.Limit{})
	if e := fault.Of(err); err == nil || e.Public != reason {
		t.Errorf("Query: %v, want %q", err, reason)
	}
	if _, err = conn.Schema(f.context(t)); err == nil {
		t.Error("Schema: no error")
	}
}

func (f Fixture) testProbe(t *testing.T) {
	p, err := f.open(t, f.Owner).Probe(f.context(t))
	if err != nil {
		t.Fatal(err)
	}
	if p.ServerVersion == "" || p.Latency <= 0 {
		t.Errorf("Probe = %+v", p)
	}
	if f.ReadOnly == "" {
		return
	}
	if !p.CanWrite || p.Warning == "" {
		t.Errorf("a login that writes is not told: %+v", p)
	}
	p, err = f.open(t, f.ReadOnly).Probe(f.context(t))
	if err != nil {
		t.Fatal(err)
	}
	if p.CanWrite || p.Warning != "" {
		t.Errorf("a login that only reads is warned of: %+v", p)
	}
}

func (f Fixture) testClose(t *testing.T) {
	conn := f.open(t, f.Owner)
	f.query(t, conn, f.Queries.Numbers(1))
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Query(f.context(t), statement(f.Queries.Numbers(1)), database.Limit{}); err == nil {
		t.Error("a closed connection answers")
	}
}
