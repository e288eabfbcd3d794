package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// testOut is TestResult of contract 3.4.
type testOut struct {
	OK            bool      `json:"ok"`
	LatencyMS     *float64  `json:"latency_ms"`
	ServerVersion *string   `json:"server_version"`
	CanWrite      *bool     `json:"can_write"`
	Warning       *string   `json:"warning" doc:"Set when the login could write, or is refused because it could do more: what to do about it."`
	Error         *string   `json:"error" enum:"host not allowed,cannot connect,timed out,authentication failed,TLS failed,database not found,login too powerful,other"`
	TestedAt      time.Time `json:"tested_at"`
}

// encode is the form in which a result is kept; no test, no text.
func (t *testOut) encode() json.RawMessage {
	if t == nil {
		return nil
	}
	b, err := json.Marshal(t)
	if err != nil {
		return nil // a testOut always encodes
	}
	return b
}

type testIn struct {
	Type          string `json:"db_type" enum:"postgres,mysql,sqlite,mssql"`
	String        string `json:"connection_string" minLength:"1" maxLength:"2000"`
	AllowPowerful *bool  `json:"allow_powerful_login,omitempty" nullable:"true" default:"false" doc:"Accept a login that could run programs or read files on the server."`
}

func (s *server) testString(ctx context.Context, c *call, in testIn) (testOut, error) {
	return s.probe(ctx, c, tested{in.Type, in.String, isTrue(in.AllowPowerful)})
}

// tested is what a test connects with.
type tested struct {
	dbType, text  string
	allowPowerful bool
}

func isTrue(b *bool) bool { return b != nil && *b }

// powerfulAdvice tells an administrator what to do about [database.ErrPowerfulLogin].
const powerfulAdvice = "This login could run programs or read files on the database's server, or take any right. " +
	"Use a login that may only read what is needed, or set allow_powerful_login on the connection to accept the risk."

// checkString refuses a connection string that may not be stored (contract
// 3.5), and one that does not work when the caller asked for a test.
func (s *server) checkString(ctx context.Context, c *call, with tested) (*testOut, error) {
	if !c.flag("test") {
		return nil, s.storable(c, with.dbType, with.text)
	}
	result, err := s.probe(ctx, c, with)
	if err != nil {
		return nil, err
	}
	if !result.OK {
		return nil, fault.New(fault.Invalid, "Connection test failed: "+withAdvice(*result.Error))
	}
	return &result, nil
}

// withAdvice adds what to do about a refusal that an administrator can lift.
func withAdvice(reason string) string {
	if reason == database.ErrPowerfulLogin {
		return reason + ". " + powerfulAdvice
	}
	return reason
}

// storable refuses a string whose host may never be dialled: the answer is the
// one that a test would give, without a test (contract 15.2 A3, A5).
func (s *server) storable(c *call, dbType, text string) error {
	_, target, err := s.parse(c, dbType, text)
	if err != nil || target.Address() == "" {
		return err
	}
	if err := s.Databases.Env(c.who.Slug).Dialer.Judge(target.Address()); err != nil {
		return &fault.Error{Kind: fault.Unprocessable, Public: database.ErrHostNotAllowed, Field: "connection_string", Cause: err}
	}
	return nil
}

// parse checks the string without dialling anything.
func (s *server) parse(c *call, dbType, text string) (database.Dialect, database.Target, error) {
	dialect, ok := s.dialects[dbType]
	if !ok {
		return nil, nil, fault.Field("db_type", "This gateway has no support for "+dbType)
	}
	target, err := dialect.Parse(text, s.Databases.Env(c.who.Slug))
	return dialect, target, onField(err, "connection_string")
}

// probe connects once, outside of the pools. Only a string that may not be
// used is an error; a database that does not answer is a result.
func (s *server) probe(ctx context.Context, c *call, with tested) (testOut, error) {
	dialect, target, err := s.parse(c, with.dbType, with.text)
	if err != nil {
		return testOut{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, database.ConnectTimeout)
	defer cancel()
	env := s.Databases.Env(c.who.Slug)
	env.Rules.AllowPowerfulLogin = with.allowPowerful
	conn, err := dialect.Open(target, env)
	if err != nil {
		return s.failed(reason(err)), nil
	}
	found, err := conn.Probe(ctx)
	if err := conn.Close(); err != nil {
		s.Log.WarnContext(ctx, "tested connection not closed", "err", err)
	}
	if err != nil {
		return s.failed(reason(err)), nil
	}
	latency := float64(found.Latency.Microseconds()) / 1000
	return testOut{
		OK: true, LatencyMS: &latency, ServerVersion: &found.ServerVersion, CanWrite: &found.CanWrite,
		Warning: textOrNull(found.Warning), TestedAt: s.moment(),
	}, nil
}

// moment is now as the store keeps times.
func (s *server) moment() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func (s *server) failed(reason string) testOut {
	out := testOut{Error: &reason, TestedAt: s.moment()}
	if reason == database.ErrPowerfulLogin {
		out.Warning = textOrNull(powerfulAdvice)
	}
	return out
}

// reason is the member of the fixed set that err stands for: a driver's own
// text may name hosts, files or accounts and never leaves the gateway.
func reason(err error) string {
	known := []string{
		database.ErrHostNotAllowed, database.ErrCannotConnect, database.ErrTimedOut, database.ErrAuthentication,
		database.ErrTLS, database.ErrDatabaseNotFound, database.ErrStatementPooling, database.ErrPowerfulLogin,
	}
	f := fault.Of(err)
	// A reason may be followed by words: "login too powerful: this login …".
	word, _, _ := strings.Cut(f.Public, ": ")
	switch {
	case slices.Contains(known, word):
		return word
	case f.Kind == fault.Timeout:
		return database.ErrTimedOut
	default:
		return database.ErrOther
	}
}
