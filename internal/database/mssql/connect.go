package mssql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	mssqldb "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

// controlBytes bounds what a server may send outside of results: handshake,
// login, acknowledgements.
const controlBytes = 1 << 20

// maxDials bounds how often a login is routed to another server: once by an
// availability group or Azure's gateway, once more from there.
const maxDials = 3

// connector makes sessions of one target; it implements [driver.Connector].
type connector struct {
	target *target
	dialer *egress.Dialer
}

// Driver implements [driver.Connector]; nothing opens by name here.
func (c *connector) Driver() driver.Driver { return &mssqldb.Driver{} }

// Connect returns a session that is set up. Its errors are faults.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, c.target.connectTimeout)
	defer cancel()
	a := &attempt{target: c.target, dialer: c.dialer}
	s, err := a.connect(limited)
	if err != nil {
		a.hangUp()
		return nil, a.fault(ctx, limited, err)
	}
	return s, nil
}

// config is the driver's configuration, made by hand: its parser takes more
// from strings and from this machine than is wanted. Encryption is off because
// the connections that the driver gets have it already (see secure).
func (t *target) config() msdsn.Config {
	return msdsn.Config{
		Host: t.Host, Port: uint64(t.Port), Database: t.Database,
		User: t.User, Password: t.Password,
		Encryption:     msdsn.EncryptionDisabled,
		ReadOnlyIntent: true,
		Workstation:    "mcp-gateway",
		AppName:        t.appName,
		DisableRetry:   true,
		DialTimeout:    -1, // the context says
		Protocols:      []string{"tcp"},
		NoTraceID:      true,
		Encoding:       msdsn.EncodeParameters{GuidConversion: true},
	}
}

// tlsConfig expects a certificate for host, which routing may have changed.
func (t *target) tlsConfig(host string) *tls.Config {
	if t.certName != "" {
		host = t.certName
	}
	return &tls.Config{
		ServerName:         host,
		InsecureSkipVerify: t.trust, // TrustServerCertificate was asked for
		MinVersion:         tls.VersionTLS12,
		// One TDS packet must not be spread over several small TLS records
		// (go-mssqldb issue 166).
		DynamicRecordSizingDisabled: true,
	}
}

// attempt follows one login. It is the driver's dialer, too, so that names are
// resolved and judged where they are dialled.
type attempt struct {
	target *target
	dialer *egress.Dialer

	dials  int
	failed error // of the last dial
	wire   atomic.Pointer[wire]
}

// HostName marks the dialer as one that resolves names itself
// ([mssqldb.HostDialer]).
func (a *attempt) HostName() string { return a.target.Host }

// DialContext implements [mssqldb.Dialer]. Routing may name another server.
func (a *attempt) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if a.dials++; a.dials > maxDials {
		a.failed = errRouting
		return nil, a.failed
	}
	var secured net.Conn
	if secured, a.failed = a.dial(ctx, network, addr); a.failed != nil {
		return nil, a.failed
	}
	w := newWire(secured, a.target.strict, controlBytes)
	a.wire.Store(w)
	if a.failed = ctx.Err(); a.failed != nil { // hangUp may have missed it
		_ = w.Close()
		return nil, a.failed
	}
	return w, nil
}

func (a *attempt) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	conn, err := a.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer watch(ctx, conn, 0)()
	secured, err := secure(ctx, conn, a.target.tlsConfig(host), a.target.strict)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// connect logs in and prepares the session. The driver does not look at ctx
// while it waits for the server, so the connection is closed under it.
func (a *attempt) connect(ctx context.Context) (*session, error) {
	stop := context.AfterFunc(ctx, a.hangUp)
	s, err := a.logIn(ctx)
	if err == nil {
		err = s.setUp(ctx)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	return s, err
}

// logIn reads what a server sends before it is trusted, hence the recover.
func (a *attempt) logIn(ctx context.Context) (s *session, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w: %v", errProtocol, p)
		}
	}()
	c := mssqldb.NewConnectorConfig(a.target.config())
	c.Dialer = a
	made, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := made.(*mssqldb.Conn)
	if !ok {
		return nil, fmt.Errorf("mssql: driver made a %T", made)
	}
	return &session{Conn: conn, wire: a.wire.Load()}, nil
}

func (a *attempt) hangUp() {
	if w := a.wire.Load(); w != nil {
		_ = w.Close()
	}
}

var (
	errRouting  = errors.New("server routes the login in circles")
	errProtocol = errors.New("server broke the protocol")
)

// fault puts a failure into the fixed set of contract 3.4.
func (a *attempt) fault(caller, limited context.Context, err error) error {
	var refused mssqldb.Error
	switch {
	case errors.Is(a.failed, egress.ErrDenied):
		return database.ConnectFault(database.ErrHostNotAllowed, a.failed)
	case errors.Is(caller.Err(), context.Canceled):
		return database.ContextFault(caller)
	case errors.As(err, &refused):
		return database.ConnectFault(reasonOf(refused), err)
	case limited.Err() != nil || isTimeout(err):
		return database.ConnectFault(database.ErrTimedOut, err)
	case isTLS(a.failed):
		return database.ConnectFault(database.ErrTLS, err)
	case isNetwork(a.failed) || isNetwork(err) || errors.Is(a.failed, errRouting):
		return database.ConnectFault(database.ErrCannotConnect, err)
	default:
		return database.ConnectFault(database.ErrOther, err)
	}
}

func isTLS(err error) bool {
	var handshake handshakeError
	return errors.Is(err, errNoTLS) || errors.As(err, &handshake)
}
