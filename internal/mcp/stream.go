package mcp

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// stream is an open text/event-stream response. It belongs to one goroutine.
type stream struct{ out *pacedWriter }

// openStream sends the header. Proxies are told not to hold events back.
func (h *Handler) openStream(w http.ResponseWriter) *stream {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return &stream{out: h.paced(w)}
}

// send sends one message.
func (s *stream) send(p payload) error {
	if _, err := io.WriteString(s.out, "event: message\ndata: "); err != nil {
		return err
	}
	if err := p.writeTo(oneLine{s.out}); err != nil {
		return err
	}
	return s.write("\n\n")
}

// oneLine writes the line breaks between the tokens of JSON as blanks, because
// a line break ends an SSE data line.
type oneLine struct{ w io.Writer }

// Write implements io.Writer.
func (o oneLine) Write(p []byte) (int, error) {
	if bytes.IndexByte(p, '\n') < 0 && bytes.IndexByte(p, '\r') < 0 {
		return o.w.Write(p)
	}
	line := slices.Clone(p)
	for i, c := range line {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	return o.w.Write(line)
}

// event sends an event of plain text.
func (s *stream) event(name, data string) error {
	return s.write("event: " + name + "\ndata: " + data + "\n\n")
}

// ping sends a comment, so that no proxy takes the stream for dead.
func (s *stream) ping() error { return s.write(": ping\n\n") }

// write writes the end of an event and sees it off.
func (s *stream) write(text string) error {
	if _, err := io.WriteString(s.out, text); err != nil {
		return err
	}
	defer s.out.renew()
	return s.out.rc.Flush()
}

// held is a stream that stays open: for whom, and what travels on it.
type held struct {
	stream    *stream
	opened    *http.Request // its credential is what the stream lives by
	slug      string
	principal identity.Principal
	greet     func() error   // sends what the stream begins with
	answers   <-chan *answer // nil when there are none
	changed   func() *answer // encodes tools/list_changed, nil when it is not wanted
	// subscribed lists the resources that the client wants to hear of; nil
	// when it wants to hear of none. id is then the subscription's, or nil.
	subscribed func(context.Context, identity.Principal) ([]string, error)
	id         []byte
	// still reports what ended the stream beside its credential; may be nil.
	still func(context.Context, identity.Principal) error

	shown     []byte        // fingerprint of the tools last told of
	unchecked time.Duration // since the last recheck
	failed    int           // rechecks in a row that could not be made
}

// hold keeps the stream until its client leaves or the gateway stops (nil), or
// until its credential ends (the fault). While idle it costs this goroutine
// and nothing else: no database connection, no second goroutine. It watches
// before it greets, so that no change after the greeting goes unnoticed.
func (h *Handler) hold(ctx context.Context, s *held) error {
	changes, unwatch := h.cfg.Gate.Catalog().Watch(s.principal.Tenant)
	defer unwatch()
	updates, forget := h.watchUpdates(s)
	defer forget()
	var err error
	if s.shown, err = h.fingerprint(ctx, s.principal); err != nil {
		return err
	}
	if err := s.greet(); err != nil {
		return err
	}
	tick := time.NewTicker(h.cfg.KeepAlive)
	defer tick.Stop()
	news, pause := updates.ready, (<-chan time.Time)(nil)
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-h.stopping.Done():
			return nil
		case a := <-s.answers:
			err = s.stream.send(a)
			h.done(a)
		case <-changes:
			err = h.recheck(ctx, s)
		case <-news:
			err = h.tellUpdates(ctx, s, updates)
			news, pause = nil, time.After(updatePause)
		case <-pause:
			news, pause = updates.ready, nil
		case <-tick.C:
			err = h.tick(ctx, s)
		}
	}
	return err
}

// tick keeps the stream alive, and checks its credential when it is time.
func (h *Handler) tick(ctx context.Context, s *held) error {
	if err := s.stream.ping(); err != nil {
		return err
	}
	s.unchecked += h.cfg.KeepAlive
	if s.unchecked < h.cfg.Recheck {
		return nil
	}
	return h.recheck(ctx, s)
}

// maxFailedRechecks is how often in a row the credential may be uncheckable,
// for want of the database, before the stream ends all the same: within a
// minute of a revocation nobody holds a stream (contract 6.2).
const maxFailedRechecks = 2

// recheck reads the principal afresh and tells the client when its tools
// changed.
func (h *Handler) recheck(ctx context.Context, s *held) error {
	s.unchecked = 0
	p, err := h.authenticateRequest(ctx, s.opened, s.slug)
	if err == nil && s.still != nil {
		err = s.still(ctx, p)
	}
	if err != nil {
		s.failed++
		if isRefusal(err) || s.failed >= maxFailedRechecks {
			return err
		}
		return nil
	}
	s.failed, s.principal = 0, p
	now, err := h.fingerprint(ctx, p)
	if err != nil || s.changed == nil || string(now) == string(s.shown) {
		return nil // a catalogue that cannot be read is told of when it can
	}
	s.shown = now
	a := s.changed()
	defer h.done(a)
	return s.stream.send(a)
}

// isRefusal reports whether the credential is known to be bad, as opposed to
// unknown for now.
func isRefusal(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unauthenticated, fault.Forbidden, fault.NotFound:
		return true
	default:
		return false
	}
}
