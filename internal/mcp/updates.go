package mcp

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// ResourceUpdated tells who subscribed to the resource that it has changed.
// Every instance is told by its own watch of the resource.
func (h *Handler) ResourceUpdated(uri string) { h.updates.publish(uri) }

// updates are the streams that may want to hear of changed resources. The zero
// value is ready; it is safe for concurrent use.
type updates struct {
	mu      sync.Mutex
	watches map[*watch]struct{}
}

// watch collects what changed since its stream last looked. A resource that
// changes often is told of once.
type watch struct {
	ready chan struct{} // room for one

	mu      sync.Mutex
	changed map[string]bool // by URI
}

func (u *updates) watch() (w *watch, end func()) {
	w = &watch{ready: make(chan struct{}, 1)}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.watches == nil {
		u.watches = map[*watch]struct{}{}
	}
	u.watches[w] = struct{}{}
	return w, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.watches, w)
	}
}

// watchUpdates returns what the stream hears of changed resources: nothing, if
// it did not ask or this build has none that tell.
func (h *Handler) watchUpdates(s *held) (w *watch, end func()) {
	if s.subscribed == nil || !h.cfg.Offers.Updates {
		return &watch{}, func() {}
	}
	return h.updates.watch()
}

func (u *updates) publish(uri string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for w := range u.watches {
		w.add(uri)
	}
}

func (w *watch) add(uris ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = map[string]bool{}
	}
	for _, uri := range uris {
		w.changed[uri] = true
	}
	select {
	case w.ready <- struct{}{}:
	default: // a notice is already waiting to be read
	}
}

func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := slices.Sorted(maps.Keys(w.changed))
	w.changed = nil
	return taken
}

// updatePause is how long a stream that has looked for news of resources leaves
// them alone: who it is for, and what they want, is read each time.
const updatePause = time.Second

// tellUpdates sends what changed of what the stream's client subscribed to and
// may read now. What cannot be looked up is told of when it can be.
func (h *Handler) tellUpdates(ctx context.Context, s *held, w *watch) error {
	changed := w.take()
	readable, err := h.readable(ctx, s, changed)
	if err != nil {
		w.add(changed...)
		return nil // the next recheck finds out why
	}
	for _, uri := range readable {
		if err := h.sendOnce(s.stream, h.resourceUpdated(s.id, uri)); err != nil {
			return err
		}
	}
	return nil
}

// readable returns those of the resources that the stream's client subscribed
// to and may read.
func (h *Handler) readable(ctx context.Context, s *held, uris []string) (out []string, err error) {
	subscribed, err := s.subscribed(ctx, s.principal)
	if err != nil {
		return nil, err
	}
	for _, uri := range uris {
		if !slices.Contains(subscribed, uri) {
			continue
		}
		may, err := h.mayRead(ctx, s.principal, uri)
		if err != nil {
			return nil, err
		}
		if may {
			out = append(out, uri)
		}
	}
	return out, nil
}

func (h *Handler) mayRead(ctx context.Context, p identity.Principal, uri string) (bool, error) {
	rule, err := h.cfg.Gate.Catalog().Offer(ctx, p, gate.ResourceName(uri))
	return rule != nil && rule.Allows(p.Role), err
}

// resourceUpdated encodes notifications/resources/updated; id is nil for
// streams without a subscription of 2026-07-28.
func (h *Handler) resourceUpdated(id []byte, uri string) *answer {
	b := h.buffers.get()
	b.b = tool.AppendString(append(b.b, `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":`...), uri)
	if id != nil {
		b.b = append(subscription(append(b.b, ','), id), '}')
	}
	b.b = append(b.b, `}}`...)
	return &answer{head: b}
}

// subscribe answers resources/subscribe and resources/unsubscribe, which
// 2026-07-28 has replaced by subscriptions/listen.
func (h *Handler) subscribe(ctx context.Context, x *exchange) (*answer, *rpcError) {
	uri, ok := unquote(x.msg.params.uri)
	switch {
	case !ok:
		return nil, invalidParams("Resource URI is missing")
	case x.state == nil:
		return nil, invalidRequest(x.msg.method + " needs the " + headerSession + " header that initialize was answered with")
	}
	on := x.msg.method == "resources/subscribe"
	may, err := h.mayRead(ctx, x.principal, uri)
	switch {
	case err != nil:
		return nil, h.internal(ctx, x, "subscribe", err)
	case on && !may:
		return nil, noResource(x.version, uri)
	}
	change := func(uris []string) []string {
		uris = slices.DeleteFunc(slices.Clone(uris), func(u string) bool { return u == uri })
		if on {
			uris = append(uris, uri)
		}
		return uris
	}
	if err := x.state.subscribe(ctx, change); err != nil {
		return nil, h.sessionFault(ctx, x, "subscribe", err)
	}
	return h.splice(x.msg.id, []byte(`{}}`)), nil
}
