package postgres

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Statements of every run. A direct session keeps them prepared.
const (
	stmtBegin    = "mcpgw_begin"
	stmtRollback = "mcpgw_rollback"
	stmtUnlock   = "mcpgw_unlock"

	beginSQL    = "BEGIN TRANSACTION READ ONLY"
	rollbackSQL = "ROLLBACK"
	unlockSQL   = "SELECT pg_catalog.pg_advisory_unlock_all()"
)

// Of a session's prepared statements, the least recently used give way.
// Longer texts are not worth the server's memory.
const (
	maxPrepared      = 64
	maxPreparedChars = 8 << 10
)

// How long a cancel request and its effect may take, how often it is repeated,
// and how long the end of a result that was cut is waited for.
const (
	cancelPatience = 5 * time.Second
	cancelInterval = 200 * time.Millisecond
	cutPatience    = time.Second
)

// session is one connection to the server. One goroutine uses it at a time;
// interrupt may be called beside it.
type session struct {
	pg   *pgconn.PgConn
	fe   *pgproto3.Frontend
	wire net.Conn

	// direct says that the connection ends at the server: only then may
	// anything be set or prepared for the session. See package pgdirect.
	direct   bool
	settings []setting
	local    string // settingsSQL of one transaction, without the statement's timeout

	// backend is the process that works for the session, 0 when unknown.
	// working says that it may still be at a statement that nobody awaits.
	backend uint32
	working bool

	prepared map[string]*prepared // by statement text
	uses     uint64               // counts runs, for "least recently used"
	names    uint64               // counts statement names
	dropped  []string             // statements to close with the next run

	bind    pgproto3.Bind // reused, so that a run allocates no messages
	execute pgproto3.Execute

	interrupted atomic.Bool // a read deadline is set

	reused    bool // a run has ended well on it: it may have gone stale since
	broken    bool // out of step with the server: never reused
	idleSince time.Time
}

// prepared is a statement that the server keeps.
type prepared struct {
	name  string
	shape *shape
	used  uint64
}

func newSession(pg *pgconn.PgConn) *session {
	return &session{pg: pg, fe: pg.Frontend(), wire: pg.Conn(), prepared: map[string]*prepared{}}
}

// setUp makes a direct session read-only and its text formats predictable, and
// prepares what every run needs.
func (s *session) setUp() error {
	s.fe.SendQuery(&pgproto3.Query{String: settingsSQL(s.settings, false)})
	s.fe.SendParse(&pgproto3.Parse{Name: stmtBegin, Query: beginSQL})
	s.fe.SendParse(&pgproto3.Parse{Name: stmtUnlock, Query: unlockSQL})
	s.fe.SendParse(&pgproto3.Parse{Name: stmtRollback, Query: rollbackSQL})
	s.fe.SendSync(&pgproto3.Sync{})
	if err := s.fe.Flush(); err != nil {
		return err
	}
	if err := s.await(); err != nil {
		return err
	}
	return s.await()
}

// renew makes a direct session as new. Functions that an administrator listed
// may leave prepared statements, open cursors or temporary objects that a
// rollback spares.
func (s *session) renew(ctx context.Context) {
	stop := s.watch(ctx)
	defer stop()
	s.fe.SendQuery(&pgproto3.Query{String: "DISCARD ALL"})
	clear(s.prepared)
	s.dropped = s.dropped[:0]
	if s.setUp() != nil || s.await() != nil {
		s.broken = true
	}
}

// sessionSettings are what a statement needs to be read-only, bounded and of
// predictable text. The time zone stays the login's own: changing it would
// change what date functions return.
func sessionSettings(bounds []setting, searchPath string) []setting {
	list := []setting{
		{"default_transaction_read_only", "on"},
		{"lock_timeout", "5000"},
		{"idle_in_transaction_session_timeout", "60000"},
		{"standard_conforming_strings", "on"},
		{"client_min_messages", "error"},
		{"DateStyle", "ISO"},
		{"IntervalStyle", "postgres"},
		{"extra_float_digits", "1"}, // shortest text that reads back the same
		{"bytea_output", "hex"},
		// Compiling costs more than it saves on statements as short as a
		// caller here waits for, the catalogue's first of all.
		{"jit", "off"},
	}
	list = append(list, bounds...)
	if searchPath != "" {
		list = append(list, setting{"search_path", searchPath})
	}
	return list
}

// settingsSQL sets the list for the session, or for the transaction at hand.
// It is one statement: a pooler sends it like any other query, where each SET
// would be a message of its own.
func settingsSQL(list []setting, local bool) string {
	var b strings.Builder
	b.WriteString("SELECT pg_catalog.pg_backend_pid()")
	for _, s := range list {
		b.WriteString(",pg_catalog.set_config('" + s.name + "','" + strings.ReplaceAll(s.value, "'", "''") + "'," + strconv.FormatBool(local) + ")")
	}
	return b.String()
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10)
}

// await reads up to the next ReadyForQuery and returns the first error.
func (s *session) await() error {
	var first error
	for {
		msg, err := s.fe.Receive()
		if err != nil {
			s.broken = true
			return err
		}
		switch m := msg.(type) {
		case *pgproto3.ErrorResponse:
			if first == nil {
				first = pgconn.ErrorResponseToPgError(m)
			}
		case *pgproto3.ReadyForQuery:
			if m.TxStatus != 'I' {
				s.broken = true
			}
			return first
		}
	}
}

// watch interrupts the session when ctx ends. The function it returns ends the
// watch and waits for a cancel request under way: one that arrived later would
// hit the next statement.
func (s *session) watch(ctx context.Context) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(done)
		s.insist(over)
	})
	return func() {
		close(over)
		if !unregister() {
			<-done
		}
		s.settle()
	}
}

// insist interrupts until the statement is over. Once may not be enough: a
// server drops a cancel that arrives between two messages of a run, when it
// takes itself for idle.
func (s *session) insist(over <-chan struct{}) {
	again := time.NewTicker(cancelInterval)
	defer again.Stop()
	for range int(cancelPatience / cancelInterval) {
		s.interrupt(cancelPatience)
		select {
		case <-over:
			return
		case <-again.C:
		}
	}
}

// interrupt cancels the running statement in the server. The server closes the
// cancel connection once it has passed the signal on, so when this returns no
// cancel is under way any more. A server that does not react within patience
// loses the connection.
func (s *session) interrupt(patience time.Duration) {
	if !s.interrupted.Swap(true) {
		_ = s.wire.SetReadDeadline(time.Now().Add(patience))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.pg.CancelRequest(ctx); err != nil {
		_ = s.wire.SetReadDeadline(time.Now())
	}
}

// settle takes the deadline of interrupt away.
func (s *session) settle() {
	if s.interrupted.Swap(false) {
		_ = s.wire.SetReadDeadline(time.Time{})
	}
}

// close says goodbye and closes the connection.
func (s *session) close() {
	_ = s.wire.SetDeadline(time.Now().Add(cancelPatience))
	_ = s.pg.Close(context.Background())
}

// lookup returns the prepared form of sql, or a new one that is not known to
// the server yet. Its name is empty when it is not to be kept.
func (s *session) lookup(sql string) (p *prepared, known bool) {
	s.uses++
	if p, known = s.prepared[sql]; known {
		p.used = s.uses
		return p, true
	}
	p = &prepared{used: s.uses}
	if s.direct && len(sql) <= maxPreparedChars {
		s.names++
		p.name = "mcpgw_" + strconv.FormatUint(s.names, 10)
	}
	return p, false
}

// keep remembers p, at the cost of the least recently used statement.
func (s *session) keep(sql string, p *prepared) {
	if p.name == "" {
		return
	}
	if len(s.prepared) >= maxPrepared {
		oldest := ""
		for text, candidate := range s.prepared {
			if oldest == "" || candidate.used < s.prepared[oldest].used {
				oldest = text
			}
		}
		s.forget(oldest)
	}
	s.prepared[sql] = p
}

// forget closes the statement with the next run.
func (s *session) forget(sql string) {
	if p, ok := s.prepared[sql]; ok {
		s.dropped = append(s.dropped, p.name)
		delete(s.prepared, sql)
	}
}
