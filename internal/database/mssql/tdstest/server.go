// Package tdstest is a small server of the Tabular Data Stream protocol, for
// tests of what speaks to Microsoft SQL Server. It is written from MS-TDS and
// knows of SQL only what its [Backend] does.
package tdstest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Backend answers logins.
type Backend interface {
	// Login opens a session, or returns an [Error].
	Login(Login) (Session, error)
}

// Session is one connection that logged in. Its methods are called one after
// the other; ctx ends when the client asks to stop or goes away.
type Session interface {
	Begin() error
	Commit() error
	Rollback() error
	// Reset undoes what was changed in the session.
	Reset() error
	// Run answers a request. An error of type [Error] is sent as it is.
	Run(ctx context.Context, q Request, r *Reply) error
	Close() error
}

// Request is a batch of SQL, or a call: of a procedure by name, or of
// sp_executesql with its text in SQL.
type Request struct {
	SQL       string
	RPC       bool
	Procedure string
	Args      map[string]any
}

// Server serves one listener. Set the fields before Serve.
type Server struct {
	Backend Backend
	TLS     *tls.Config // nil: the server says that it has no TLS
	// Route, when set, sends logins to another server.
	Route func(Login) (host string, port uint16, ok bool)

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	work   sync.WaitGroup
}

// Serve accepts connections until the listener is closed.
func (s *Server) Serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !s.add(c) {
			_ = c.Close()
			continue
		}
		go func() {
			defer s.remove(c)
			// What goes wrong on a connection, the client sees.
			_ = s.serve(c)
		}()
	}
}

func (s *Server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.conns == nil {
		s.conns = map[net.Conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	s.work.Add(1)
	return true
}

func (s *Server) remove(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.work.Done()
}

// Disconnect drops all connections.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Close drops all connections, takes no more and waits for what runs.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Disconnect()
	s.work.Wait()
}

// serve logs a client in and answers it.
func (s *Server) serve(c net.Conn) error {
	rw, m, strict, err := s.greet(c)
	if err != nil {
		return err
	}
	login, err := parseLogin(m)
	if err != nil {
		return err
	}
	login.Encrypted, login.Strict = s.TLS != nil, strict
	welcome := appendWelcome(nil, login.Database)
	if s.Route != nil {
		if host, port, ok := s.Route(login); ok {
			return writeMessage(rw, packetReply, appendDone(appendRoute(welcome, host, port), tokenDone, 0, 0))
		}
	}
	session, err := s.Backend.Login(login)
	if err != nil {
		return writeMessage(rw, packetReply, appendFailure(nil, tokenDone, err))
	}
	defer session.Close()
	if err := writeMessage(rw, packetReply, appendDone(welcome, tokenDone, 0, 0)); err != nil {
		return err
	}
	p := &peer{rw: rw, session: session, messages: make(chan message)}
	return p.run()
}

// appendFailure appends an error and the end of the reply.
func appendFailure(dst []byte, done byte, err error) []byte {
	var own *Error
	if !errors.As(err, &own) {
		own = &Error{Number: 50000, Message: err.Error()}
	}
	return appendDone(appendError(dst, own), done, doneError, 0)
}

// peer is a client that logged in. Its messages are read beside what runs, so
// that an attention is heard at once.
type peer struct {
	rw       io.ReadWriter
	session  Session
	messages chan message

	mu        sync.Mutex
	stop      context.CancelFunc // ends what runs; nil when nothing does
	attention bool               // asked for and not yet confirmed
	gone      bool
}

func (p *peer) run() error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.listen()
	}()
	err := p.answerAll()
	if c, ok := p.rw.(io.Closer); ok {
		_ = c.Close()
	}
	for range p.messages { // until listen has ended
	}
	<-done
	return err
}

// listen reads messages until the client goes away.
func (p *peer) listen() {
	defer close(p.messages)
	for {
		m, err := readMessage(p.rw)
		if err != nil {
			p.interrupt(true)
			return
		}
		if m.typ == packetAttention && p.interrupt(false) {
			continue // what runs confirms it
		}
		p.messages <- m
	}
}

// interrupt stops what runs and reports whether there was anything.
func (p *peer) interrupt(gone bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = p.gone || gone
	if p.stop == nil {
		return false
	}
	p.attention = p.attention || !gone
	p.stop()
	return true
}

func (p *peer) answerAll() error {
	for m := range p.messages {
		if err := p.answer(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) answer(m message) error {
	if m.reset {
		if err := p.session.Reset(); err != nil {
			return err
		}
	}
	switch m.typ {
	case packetAttention: // it came too late for what ran
		return writeMessage(p.rw, packetReply, appendDone(nil, tokenDone, doneAttention, 0))
	case packetTxManager, packetBatch, packetRPC:
	default:
		return fmt.Errorf("unexpected packet %#x", m.typ)
	}
	// ALL_HEADERS (MS-TDS 2.2.5.3) begin with their length.
	if len(m.data) < 4 || uint64(binary.LittleEndian.Uint32(m.data)) > uint64(len(m.data)) {
		return errors.New("broken headers")
	}
	body := m.data[binary.LittleEndian.Uint32(m.data):]
	switch m.typ {
	case packetTxManager:
		return p.transaction(body)
	case packetRPC:
		q, err := parseRPC(body)
		if err != nil {
			return err
		}
		q.RPC = true
		return p.request(q)
	default:
		return p.request(Request{SQL: fromUTF16(body)})
	}
}

// transaction answers TM_BEGIN_XACT, TM_COMMIT_XACT and TM_ROLLBACK_XACT
// (MS-TDS 2.2.6.9).
func (p *peer) transaction(body []byte) error {
	if len(body) < 2 {
		return errors.New("broken transaction request")
	}
	var err error
	var kind byte
	switch code := binary.LittleEndian.Uint16(body); code {
	case 5:
		kind, err = envBegin, p.session.Begin()
	case 7:
		kind, err = envCommit, p.session.Commit()
	case 8:
		kind, err = envRollback, p.session.Rollback()
	default:
		return fmt.Errorf("unexpected transaction request %d", code)
	}
	if err != nil {
		return writeMessage(p.rw, packetReply, appendFailure(nil, tokenDone, err))
	}
	return writeMessage(p.rw, packetReply, appendDone(appendTransaction(nil, kind), tokenDone, 0, 0))
}

func (p *peer) request(q Request) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.mu.Lock()
	p.stop = cancel
	gone := p.gone
	p.mu.Unlock()
	if gone {
		return io.EOF
	}
	r := newReply(ctx, p.rw, q.RPC)
	err := p.session.Run(ctx, q, r)

	p.mu.Lock()
	p.stop = nil
	attention := p.attention
	p.attention = false
	p.mu.Unlock()
	return r.end(err, attention)
}
