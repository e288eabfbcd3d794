package api_test

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// fakeDialect is a PostgreSQL whose host name says what happens:
// postgres://u:p@ok/db, …@denied/db, …@down/db.
type fakeDialect struct {
	mu      sync.Mutex
	opened  int
	dropped []string

	functions map[string][]database.Function // by connection
	down      error                          // what asking for functions fails with
}

// list implements api.Databases.Functions.
func (d *fakeDialect) list(_ context.Context, who identity.Principal, connection string) ([]database.Function, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if who.IsZero() {
		return nil, fault.New(fault.Internal, "nobody asks")
	}
	return d.functions[connection], d.down
}

func (*fakeDialect) Name() string          { return "postgres" }
func (*fakeDialect) Title() string         { return "PostgreSQL" }
func (*fakeDialect) Guard() sqlguard.Guard { return nil }

func (*fakeDialect) Parse(text string, _ database.Env) (database.Target, error) {
	_, rest, ok := strings.Cut(text, "postgres://")
	if !ok {
		return nil, fault.New(fault.Unprocessable, "Scheme does not belong to postgres")
	}
	if strings.Contains(text, "sslkey=") {
		return nil, fault.New(fault.Unprocessable, "Option not allowed: sslkey")
	}
	_, rest, _ = strings.Cut(rest, "@")
	host, _, _ := strings.Cut(rest, "/")
	return fakeTarget(host), nil
}

func (d *fakeDialect) Open(target database.Target, env database.Env) (database.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened++
	return fakeConn{target.(fakeTarget), env.Rules}, nil
}

func (d *fakeDialect) drop(tenant, connection string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropped = append(d.dropped, tenant+"/"+connection)
}

// hasDropped reports whether the pool was closed, and forgets it.
func (d *fakeDialect) hasDropped(tenant, connection string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, x := range d.dropped {
		if x == tenant+"/"+connection {
			d.dropped = append(d.dropped[:i], d.dropped[i+1:]...)
			return true
		}
	}
	return false
}

type fakeTarget string

func (fakeTarget) String() string    { return "redacted" }
func (t fakeTarget) Address() string { return string(t) + ":5432" }

type fakeConn struct {
	host  fakeTarget
	rules database.Rules
}

func (c fakeConn) Usage() database.Usage { return database.Usage{} }

func (c fakeConn) Relations(context.Context, *sqlguard.Statement) ([]string, error) { return nil, nil }

func (c fakeConn) Functions(context.Context) ([]database.Function, error) { return nil, nil }

func (c fakeConn) Probe(context.Context) (database.Probe, error) {
	secret := fault.New(fault.Internal, "pq: password authentication failed for user u at 10.0.0.1")
	switch c.host {
	case "ok":
		return database.Probe{Latency: 1500 * time.Microsecond, ServerVersion: "16.2"}, nil
	case "writer":
		return database.Probe{Latency: time.Millisecond, ServerVersion: "16.2", CanWrite: true, Warning: "This login could write."}, nil
	case "denied":
		return database.Probe{}, database.ConnectFault(database.ErrHostNotAllowed, secret)
	case "badpass":
		return database.Probe{}, database.ConnectFault(database.ErrAuthentication, secret)
	case "powerful":
		if !c.rules.AllowPowerfulLogin {
			return database.Probe{}, database.ConnectFault(database.ErrPowerfulLogin+": this login could read files. Set allow_powerful_login.", secret)
		}
		return database.Probe{Latency: time.Millisecond, ServerVersion: "16.2", CanWrite: true, Warning: "This login could write."}, nil
	case "slow":
		return database.Probe{}, fault.Wrap(fault.Timeout, context.DeadlineExceeded, "query timed out")
	default:
		return database.Probe{}, secret
	}
}

func (fakeConn) Schema(context.Context) (*database.Schema, error) { return nil, nil }

func (fakeConn) Query(context.Context, *sqlguard.Statement, database.Limit) (*tool.Table, error) {
	return nil, nil
}

func (fakeConn) Close() error { return nil }
