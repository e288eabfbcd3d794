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
	Warning       *string   `json:"warning" doc:"Set when the login could write, and when a refusal needs more words: what to do about it."`
	Error         *string   `json:"error" enum:"host not allowed,cannot connect,timed out,authentication failed,TLS failed,database not found,login too powerful,pooler in statement mode,other"`
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
		text := "Connection test failed: " + *result.Error
		if result.Warning != nil {
			text += ": " + *result.Warning
		}
		return nil, fault.New(fault.Invalid, text)
	}
	return &result, nil
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
		return s.failed(err), nil
	}
	found, err := conn.Probe(ctx)
	if err := conn.Close(); err != nil {
		s.Log.WarnContext(ctx, "tested connection not closed", "err", err)
	}
	if err != nil {
		return s.failed(err), nil
	}
	latency := float64(found.Latency.Microseconds()) / 1000
	return testOut{
		OK: true, LatencyMS: &latency, ServerVersion: &found.ServerVersion, CanWrite: &found.CanWrite,
		Warning: textOrNull(found.Warning), TestedAt: s.moment(),
	}, nil
}

// moment is now as the store keeps times.
func (s *server) moment() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// failed is the result of a test that did not connect. The warning tells what
// to do where the word of the fixed set does not.
func (s *server) failed(err error) testOut {
	word, words := reason(err)
	return testOut{Error: &word, Warning: textOrNull(words), TestedAt: s.moment()}
}

// reason is the member of the fixed set that err stands for, and the words that
// the dialect adds to it: a driver's own text may name hosts, files or accounts
// and never leaves the gateway.
func reason(err error) (word, words string) {
	known := []string{
		database.ErrHostNotAllowed, database.ErrCannotConnect, database.ErrTimedOut, database.ErrAuthentication,
		database.ErrTLS, database.ErrDatabaseNotFound, database.ErrPowerfulLogin, database.ErrStatementPooling,
	}
	f := fault.Of(err)
	word, words, _ = strings.Cut(f.Public, ": ")
	switch {
	case slices.Contains(known, word):
		return word, words
	case f.Kind == fault.Timeout:
		return database.ErrTimedOut, ""
	default:
		return database.ErrOther, ""
	}
}
