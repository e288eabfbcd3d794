package mcp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// postStream is the response to a POST whose call may speak before it is
// answered. It becomes a stream with the first message; most never do, and are
// answered as JSON.
type postStream struct {
	h *Handler
	w http.ResponseWriter
	// again reads the caller afresh: an open stream lives by its credential.
	again  func(context.Context) (identity.Principal, error)
	ctx    context.Context // of the call
	cancel context.CancelFunc

	mu        sync.Mutex // one message at a time; guards what follows
	stream    *stream    // nil until the first message
	pings     *time.Timer
	unchecked time.Duration // since the last check
	failed    int           // checks in a row that could not be made
	ended     bool
}

var errAnswered = errors.New("the call has been answered")

// send implements outlet.
func (p *postStream) send(_ context.Context, a *answer) error {
	defer p.h.done(a)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return errAnswered
	}
	if p.stream == nil {
		p.stream = p.h.openStream(p.w)
		p.pings = time.AfterFunc(p.h.cfg.KeepAlive, p.ping)
	}
	return p.stream.send(a)
}

// ping keeps the stream alive while its call works or a person thinks, as long
// as its credential is good. After that the client gets nothing more, the
// answer included.
func (p *postStream) ping() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	if p.over() {
		p.ended = true
		p.cancel()
		return
	}
	_ = p.stream.ping() // when the client is gone the request's context ends
	p.pings.Reset(p.h.cfg.KeepAlive)
}

// over checks the credential when it is time, and reports whether it has ended.
func (p *postStream) over() bool {
	p.unchecked += p.h.cfg.KeepAlive
	if p.unchecked < p.h.cfg.Recheck {
		return false
	}
	p.unchecked = 0
	_, err := p.again(p.ctx)
	if err == nil {
		p.failed = 0
		return false
	}
	p.failed++
	return isRefusal(err) || p.failed >= maxFailedRechecks
}

// close ends the stream: a tool that runs on beyond its call reaches nobody.
func (p *postStream) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.pings != nil {
		p.pings.Stop()
	}
}

// finish sends the answer, the last message, if a stream was opened; else it
// reports false.
func (p *postStream) finish(a *answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	over := p.ended
	p.ended = true
	if p.stream == nil {
		return false
	}
	defer p.h.done(a)
	if over {
		return true
	}
	_ = p.stream.send(a) // a caller that is gone needs no answer
	return true
}
