package postgres

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// readBuffer spares system calls on long results: the server sends in pieces
// of 8 KiB, the frontend would read one piece at a time.
const readBuffer = 32 << 10

// connector makes sessions of one target.
type connector struct {
	target *target
	dialer *egress.Dialer
	rules  database.Rules
	base   *pgconn.Config
	asking chan struct{} // a token while the server is asked about stuck work
}

func newConnector(t *target, env database.Env) (*connector, error) {
	base, err := emptyConfig()
	if err != nil {
		return nil, err
	}
	base.Host, base.Port = t.Host, t.Port
	base.User, base.Password, base.Database = t.User, t.Password, t.Database
	base.ConnectTimeout = t.connectTimeout
	base.RequireAuth = requiredAuth(t.tls)
	base.RuntimeParams["application_name"] = t.appName
	base.RuntimeParams["client_encoding"] = "UTF8"
	configs := tlsConfigs(t)
	base.TLSConfig = configs[0]
	for _, c := range configs[1:] {
		base.Fallbacks = append(base.Fallbacks, &pgconn.FallbackConfig{Host: base.Host, Port: base.Port, TLSConfig: c})
	}
	return &connector{target: t, dialer: env.Dialer, rules: env.Rules, base: base, asking: make(chan struct{}, 1)}, nil
}

// emptyConfig returns a Config that holds nothing of this machine. ParseConfig
// is the only maker of one and also reads PG… variables, the password file and
// key files: every setting is either named here or overwritten afterwards. Only
// PGSERVICE cannot be overruled; when it names an unknown service, this fails.
func emptyConfig() (*pgconn.Config, error) {
	c, err := pgconn.ParseConfig("host=none port=5432 user=none password=none dbname=none connect_timeout=10 " +
		"sslmode=disable sslrootcert='' sslcert='' sslkey='' sslcertmode=disable sslnegotiation=postgres " +
		"target_session_attrs=any channel_binding=prefer require_auth='' " +
		"min_protocol_version=3.0 max_protocol_version=3.0")
	if err != nil {
		return nil, errors.New("postgres: cannot make a configuration; unset PGSERVICE in the gateway's environment")
	}
	c.RuntimeParams = map[string]string{}
	c.KerberosSrvName, c.KerberosSpn = "", ""
	c.ValidateConnect, c.AfterConnect = nil, nil
	// The gateway resolves names when it dials, where the address is judged.
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	return c, nil
}

// requiredAuth keeps a hostile server from asking for less than SCRAM, which
// never reveals the password. MD5 digests can be cracked at leisure and clear
// text needs not even that, so they are answered only once the server has
// proven who it is (contract 15.2 A4).
func requiredAuth(m tlsMode) string {
	if m.verified() {
		return "scram-sha-256,md5,password,none"
	}
	return "scram-sha-256,none"
}

// tlsConfigs returns what to try in turn; nil is plain text. With prefer and
// allow, as in libpq, plain text is possible: the data is then readable on the
// wire, the password is not (see requiredAuth).
func tlsConfigs(t *target) []*tls.Config {
	config := &tls.Config{ServerName: t.Host, MinVersion: tls.VersionTLS12}
	switch t.tls {
	case tlsVerifyFull:
		return []*tls.Config{config}
	case tlsVerifyCA:
		config.InsecureSkipVerify = true // the name is not checked, the chain is
		config.VerifyConnection = verifyChain
		return []*tls.Config{config}
	}
	config.InsecureSkipVerify = true // libpq's meaning of these modes
	switch t.tls {
	case tlsDisable:
		return []*tls.Config{nil}
	case tlsAllow:
		return []*tls.Config{nil, config}
	case tlsRequire:
		return []*tls.Config{config}
	default:
		return []*tls.Config{config, nil}
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

// connect returns a session that is ready for statements. Its errors are
// faults.
func (c *connector) connect(ctx context.Context) (*session, error) {
	limited, cancel := context.WithTimeout(ctx, c.target.connectTimeout)
	defer cancel()
	s, a, err := c.dialSession(limited)
	if err != nil {
		return nil, a.fault(ctx, limited, err)
	}
	if err := c.prepareSession(limited, s); err != nil {
		s.close()
		return nil, a.fault(ctx, limited, err)
	}
	return s, nil
}

// dialSession opens a connection and sets nothing on it. The startup message
// holds only parameters that every pooler takes.
func (c *connector) dialSession(ctx context.Context) (*session, *attempt, error) {
	a := &attempt{connector: c}
	config := c.base.Copy()
	config.DialFunc, config.AfterNetConnect, config.BuildFrontend = a.dial, a.secure, a.frontend
	config.MaxProtocolMessageBodyLen = 64 << 10 // until a query says more
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, a, err
	}
	a.stage = admitted
	return newSession(pg), a, nil
}

// prepareSession asks the connection who it is, refuses a login that is too
// powerful, and sets a direct session up. A session that is not proven direct
// stays as it is: each of its transactions brings its settings.
func (c *connector) prepareSession(ctx context.Context, s *session) error {
	stop := s.watch(ctx)
	defer stop()
	id, err := s.identify()
	if err != nil {
		return err
	}
	if len(id.powers) > 0 && !c.rules.AllowPowerfulLogin {
		return database.PowerfulLoginFault("run programs or read files on the server (it " + strings.Join(id.powers, "; it ") + ")")
	}
	settings := sessionSettings(id.bounds, c.target.searchPath)
	s.direct = id.direct
	if !s.direct {
		s.local = settingsSQL(settings, true)
		return nil
	}
	s.backend = s.pg.PID()
	s.settings = append(settings, setting{"statement_timeout", milliseconds(database.QueryTimeout)})
	return s.setUp()
}

// attempt follows a connection attempt, because pgconn tells the stages of a
// failure apart by text only.
type attempt struct {
	*connector
	stage    stage
	weakAuth bool // the server has asked for the password in clear text or as MD5
}

// stage is how far an attempt has come. dial does not note it: pgconn dials
// for its cancel requests as well, and those in other goroutines.
type stage uint8

const (
	dialling stage = iota // or asking for TLS
	handshaking
	secured
	greeted // the server's first message was about authentication
	admitted
)

// dial reaches addr through the egress rules. A cancel request names the
// address that answered instead of the host, which may be allowed by name.
func (a *attempt) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := a.dialer.DialContext(ctx, network, addr)
	if errors.Is(err, egress.ErrDenied) && addr != a.target.Address() {
		return a.dialer.DialContext(ctx, network, a.target.Address())
	}
	return conn, err
}

// secure finishes the TLS handshake here, where its failures can be told from
// the server's.
func (a *attempt) secure(ctx context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
	a.stage = handshaking
	if c, ok := conn.(*tls.Conn); ok {
		if err := c.HandshakeContext(ctx); err != nil {
			return conn, err
		}
	}
	a.stage = secured
	return conn, nil
}

func (a *attempt) frontend(r io.Reader, w io.Writer) *pgproto3.Frontend {
	return pgproto3.NewFrontend(&greeting{Reader: bufio.NewReaderSize(r, readBuffer), attempt: a}, w)
}

// greeting looks at the first message from the server.
type greeting struct {
	io.Reader
	attempt *attempt
	head    []byte
}

// Requests for a password, in the head of a message: its kind, a length of
// four bytes, and the code of four bytes (PostgreSQL's manual, Message Formats).
const (
	authenticationHead = 9
	authCleartext      = 3
	authMD5            = 5
)

func (g *greeting) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if missing := authenticationHead - len(g.head); missing > 0 && n > 0 {
		g.head = append(g.head, p[:min(n, missing)]...)
		g.judge()
	}
	return n, err
}

// judge tells the attempt how the server asks for the password.
func (g *greeting) judge() {
	if g.head[0] != 'R' {
		return
	}
	g.attempt.stage = greeted
	if len(g.head) == authenticationHead {
		code := binary.BigEndian.Uint32(g.head[5:])
		g.attempt.weakAuth = code == authCleartext || code == authMD5
	}
}

// weakAuthWords are said where requiredAuth has kept the password back.
const weakAuthWords = database.ErrAuthentication + ": the server asks for the password in clear text or as an MD5 digest, " +
	"which it gets only once a certificate proves who it is, so the password may be right: " +
	"use sslmode=verify-full or verify-ca, or let the login use scram-sha-256"

// fault puts a failure into the fixed set of contract 3.4.
func (a *attempt) fault(caller, limited context.Context, err error) error {
	var pgErr *pgconn.PgError
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, egress.ErrDenied):
		return database.ConnectFault(database.ErrHostNotAllowed, err)
	case errors.Is(caller.Err(), context.Canceled):
		return database.ContextFault(caller)
	case errors.As(err, &pgErr) && refusesTransactions(pgErr):
		return database.ConnectFault(statementPooling, err)
	case errors.As(err, &pgErr):
		return database.ConnectFault(reasonOf(pgErr.Code), err)
	case limited.Err() != nil || isTimeout(err):
		return database.ConnectFault(database.ErrTimedOut, err)
	case a.stage == handshaking:
		return database.ConnectFault(database.ErrTLS, err)
	case isNetwork(err):
		return database.ConnectFault(database.ErrCannotConnect, err)
	case a.stage == dialling: // the server refused to speak TLS
		return database.ConnectFault(database.ErrTLS, err)
	case a.stage == greeted && a.weakAuth && !a.target.tls.verified():
		return database.ConnectFault(weakAuthWords, err)
	case a.stage == greeted:
		return database.ConnectFault(database.ErrAuthentication, err)
	default:
		return database.ConnectFault(database.ErrOther, err)
	}
}

// reasonOf maps the SQLSTATE of a refused connection.
func reasonOf(code string) string {
	switch code {
	case "28P01", "28000", "42501": // the last: no CONNECT privilege
		return database.ErrAuthentication
	case "3D000":
		return database.ErrDatabaseNotFound
	case "57P03", "57P01", "57P02", "53300": // starting, stopping, full
		return database.ErrCannotConnect
	default:
		return database.ErrOther
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

func isNetwork(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
