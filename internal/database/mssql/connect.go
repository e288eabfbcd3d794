package mssql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	mssqldb "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

// What a server may send outside of results: handshake, login, acknowledgements.
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
	a := &attempt{target: c.target, dialer: c.dialer, life: limited}
	s, err := a.connect(limited)
	if stopped := a.release(); err == nil {
		err = stopped
	}
	if err == nil {
		return s, nil
	}
	if s != nil {
		_ = s.Close()
	}
	return nil, a.fault(ctx, limited, err)
}

// config is the driver's configuration, made by hand: its parser takes more
// from strings and from this machine than is wanted.
func (t *target) config() msdsn.Config {
	c := msdsn.Config{
		Host: t.host, Port: uint64(t.port), Database: t.database,
		User: t.user, Password: t.password,
		Encryption:                msdsn.EncryptionRequired,
		TLSConfig:                 t.tlsConfig(),
		HostInCertificateProvided: t.certName != "",
		TrustServerCertificate:    t.trust,
		ReadOnlyIntent:            true,
		Workstation:               "mcp-gateway",
		AppName:                   t.appName,
		DisableRetry:              true,
		DialTimeout:               -1, // the context says
		Protocols:                 []string{"tcp"},
		NoTraceID:                 true,
		Encoding:                  msdsn.EncodeParameters{GuidConversion: true},
	}
	if t.strict {
		c.Encryption = msdsn.EncryptionStrict
	}
	return c
}

func (t *target) tlsConfig() *tls.Config {
	name := t.certName
	if name == "" {
		name = t.host
	}
	return &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: t.trust,
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
	life   context.Context // ends with the time for connecting

	dials   int
	failed  error // of the last dial
	wire    *wire
	unwatch func()
}

// HostName marks the dialer as one that resolves names itself
// ([mssqldb.HostDialer]).
func (a *attempt) HostName() string { return a.target.host }

// DialContext implements [mssqldb.Dialer]. Routing may name another server.
func (a *attempt) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if a.dials++; a.dials > maxDials {
		a.failed = errRouting
		return nil, a.failed
	}
	conn, err := a.dialer.DialContext(ctx, network, addr)
	if a.failed = err; err != nil {
		return nil, err
	}
	_ = a.release()
	a.wire = newWire(conn, controlBytes)
	a.unwatch = a.wire.watch(a.life, 0)
	return a.wire, nil
}

// release ends the watch over the connection and says whether it was in time.
func (a *attempt) release() error {
	if a.unwatch != nil {
		a.unwatch()
		a.unwatch = nil
	}
	return a.life.Err()
}

// connect logs in and prepares the session. The driver reads what a server
// sends before the login without a net, hence the recover.
func (a *attempt) connect(ctx context.Context) (s *session, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.hangUp()
			s, err = nil, fmt.Errorf("%w: %v", errProtocol, p)
		}
	}()
	c := mssqldb.NewConnectorConfig(a.target.config())
	c.Dialer = a
	made, err := c.Connect(ctx)
	if err != nil {
		a.hangUp()
		return nil, err
	}
	conn, ok := made.(*mssqldb.Conn)
	if !ok {
		a.hangUp()
		return nil, fmt.Errorf("mssql: driver made a %T", made)
	}
	s = &session{Conn: conn, wire: a.wire}
	return s, s.setUp(ctx)
}

func (a *attempt) hangUp() {
	if a.wire != nil {
		_ = a.wire.Close()
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
	case a.failed != nil:
		return database.ConnectFault(database.ErrCannotConnect, err)
	case isTLS(err):
		return database.ConnectFault(database.ErrTLS, err)
	case isNetwork(err):
		return database.ConnectFault(database.ErrCannotConnect, err)
	default:
		return database.ConnectFault(database.ErrOther, err)
	}
}

// isTLS knows the failures of a handshake by their texts: the driver gives
// them no type.
func isTLS(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "TLS Handshake") || text == "server does not support encryption"
}
