package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// killPatience is what ending a statement in the server may take.
const killPatience = 2 * time.Second

// connector makes sessions of one target. It implements [driver.Connector].
type connector struct {
	target  *target
	dialer  *egress.Dialer
	powers  powers
	proofs  proofs
	killing chan struct{} // holds one token: one connection at a time beside the pool
	plain   atomic.Bool   // the server has no TLS, and ssl-mode=preferred puts up with that
}

func newConnector(t *target, env database.Env) *connector {
	c := &connector{target: t, dialer: env.Dialer, killing: make(chan struct{}, 1)}
	c.powers.allowed = env.Rules.AllowPowerfulLogin
	c.proofs.native, c.proofs.proven = t.native, t.tls.verified()
	return c
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// Connect returns a *session that is set up to read only. Its errors are faults.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	limited, cancel := context.WithTimeout(ctx, c.target.connectTimeout)
	defer cancel()
	s, err := c.session(limited, c.target.Address())
	if err == nil {
		err = s.setUp(limited)
	}
	if err == nil {
		err = c.powers.check(limited, s)
	}
	if err != nil {
		if s != nil {
			_ = s.Close()
		}
		return nil, connectFault(ctx, limited, err)
	}
	return s, nil
}

// session logs in at the address and asks the server who it is. s may be set
// beside an error and must then be closed.
func (c *connector) session(ctx context.Context, address string) (s *session, err error) {
	conn, w, err := c.login(ctx, address)
	if err != nil {
		return nil, err
	}
	s = &session{Conn: conn, wire: w, connector: c}
	return s, s.identify(ctx)
}

func (c *connector) login(ctx context.Context, address string) (driver.Conn, *wire, error) {
	config := tlsConfig(c.target)
	if config == nil || c.plain.Load() {
		return c.attempt(ctx, address, nil)
	}
	conn, w, err := c.attempt(ctx, address, config)
	if c.target.tls == tlsPreferred && errors.Is(err, mysql.ErrNoTLS) {
		conn, w, err = c.attempt(ctx, address, nil)
		c.plain.Store(err == nil)
	}
	return conn, w, err
}

// attempt logs in with TLS or, without a config, in plain text.
func (c *connector) attempt(ctx context.Context, address string, config *tls.Config) (conn driver.Conn, w *wire, err error) {
	settings := c.config(address, config != nil)
	settings.DialFunc = func(ctx context.Context, _, addr string) (net.Conn, error) {
		inner, err := c.dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		w = newWire(inner, config, &c.proofs)
		return w, nil
	}
	connect, err := mysql.NewConnector(settings)
	if err != nil {
		return nil, nil, err
	}
	err = guarded(func() error {
		conn, err = connect.Connect(ctx)
		return err
	})
	switch {
	case err == nil:
		w.loggedIn()
		c.proofs.loggedIn(w)
		return conn, w, nil
	case w == nil:
		return nil, nil, err
	}
	_ = w.Close()         // the driver has closed it, unless it panicked
	if w.refusal != nil { // which the driver does not pass on
		err = fmt.Errorf("%w: %w", w.refusal, err)
	}
	return nil, nil, err
}

// config holds nothing of this machine and nothing that lets a server have
// more than a proof of the password: no local files, no clear text, no scheme
// of the last century, no downgrade. TLS is the wire's, which leaves out
// sha256_password: deprecated by MySQL, and of no use to a driver that does not
// see TLS.
func (c *connector) config(address string, secured bool) *mysql.Config {
	m := mysql.NewConfig()
	m.Net, m.Addr = "tcp", address
	if secured {
		m.Net = "unix" // the driver's word for a transport that nobody listens in on
	}
	m.User, m.Passwd, m.DBName = c.target.User, c.target.Password, c.target.Database
	m.TLS = nil                   // the wire's
	m.Logger = &mysql.NopLogger{} // it would log beside the gateway's own log
	m.ConnectionAttributes = "program_name:" + c.target.program
	m.AllowNativePasswords = true // the wire judges that by the connection's proofs
	m.AllowAllFiles = false
	m.AllowCleartextPasswords = false
	m.AllowFallbackToPlaintext = false
	m.AllowOldPasswords = false
	m.InterpolateParams = false
	m.MultiStatements = false
	m.ParseTime = false
	return m
}

// dial reaches addr through the egress rules. A KILL names the address that
// answered instead of the host, which may be allowed by name.
func (c *connector) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.dialer.DialContext(ctx, "tcp", addr)
	if errors.Is(err, egress.ErrDenied) && addr != c.target.Address() {
		return c.dialer.DialContext(ctx, "tcp", c.target.Address())
	}
	return conn, err
}

// tlsConfig returns nil for plain text. The modes mean what they mean to
// MySQL's own clients: below verify-ca the connection is encrypted, to whoever
// answers.
func tlsConfig(t *target) *tls.Config {
	config := &tls.Config{ServerName: t.Host, MinVersion: tls.VersionTLS12}
	switch t.tls {
	case tlsDisabled:
		return nil
	case tlsVerifyIdentity:
		return config
	case tlsVerifyCA:
		config.InsecureSkipVerify = true // the name is not checked, the chain is
		config.VerifyConnection = verifyChain
		return config
	default:
		config.InsecureSkipVerify = true
		return config
	}
}

// verifyChain accepts a certificate of any name that a system root vouches for.
func verifyChain(state tls.ConnectionState) error {
	opts := x509.VerifyOptions{Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	return err
}

// kill ends s in the server, its statement included, and reports whether the
// server has done so. The login's own sessions need no privilege for that.
func (c *connector) kill(s *session) (ended bool) {
	ctx, cancel := context.WithTimeout(context.Background(), killPatience)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		works, err := c.endWork(ctx, s)
		if err != nil || !works {
			return err == nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
	}
}

// guarded turns a panic of the driver into an error: it trusts the lengths in
// what a server sends.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errProtocol, p)
		}
	}()
	return f()
}

// connectFault puts a failure into the fixed set of contract 3.4.
func connectFault(caller, limited context.Context, err error) error {
	var server *mysql.MySQLError
	var known *fault.Error
	declined := proofFault(err)
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, egress.ErrDenied):
		return database.ConnectFault(database.ErrHostNotAllowed, err)
	case errors.Is(caller.Err(), context.Canceled):
		return database.ContextFault(caller)
	case errors.As(err, &server):
		return database.ConnectFault(reasonOf(server.Number), err)
	case limited.Err() != nil || isTimeout(err):
		return database.ConnectFault(database.ErrTimedOut, err)
	case errors.Is(err, mysql.ErrNoTLS), errors.Is(err, errHandshake):
		return database.ConnectFault(database.ErrTLS, err)
	case declined != nil:
		return declined
	case errors.Is(err, errProtocol), errors.Is(err, errTooLong):
		return database.ConnectFault(database.ErrOther, err)
	case isNetwork(err):
		return database.ConnectFault(database.ErrCannotConnect, err)
	default:
		return database.ConnectFault(database.ErrOther, err)
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

func isNetwork(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
