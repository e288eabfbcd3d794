package mcp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// postStream is the response to a POST whose call may speak before it is
// answered. It becomes a stream with the first message; most never do, and are
// answered as JSON.
type postStream struct {
	h *Handler
	w http.ResponseWriter

	mu     sync.Mutex // one message at a time; guards what follows
	stream *stream    // nil until the first message
	pings  *time.Timer
	ended  bool
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

// ping keeps the stream alive while its call works or a person thinks.
func (p *postStream) ping() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	_ = p.stream.ping() // when the client is gone the request's context ends
	p.pings.Reset(p.h.cfg.KeepAlive)
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
	p.ended = true
	if p.stream == nil {
		return false
	}
	defer p.h.done(a)
	_ = p.stream.send(a) // a caller that is gone needs no answer
	return true
}
