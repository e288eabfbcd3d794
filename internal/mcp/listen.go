package mcp

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// serveListen is subscriptions/listen (2026-07-28): a stream that tells when
// the caller's tools change, until the caller leaves.
func (h *Handler) serveListen(w http.ResponseWriter, v *visit, x *exchange) error {
	wanted, uncount, refusal := h.admitListen(v, x)
	if refusal != nil {
		h.reply(w, v, h.buffers.refuse(x.version, x.msg.id, refusal))
		return nil
	}
	defer uncount()
	x.msg = &message{id: slices.Clone(x.msg.id)} // without the body, which may be large
	x.body.free()
	ctx, end := h.calls.start(v.r.Context(), x.callKey(x.msg.id))
	defer end()
	s := h.openStream(w)
	acknowledge := func() error { return h.sendOnce(s, h.acknowledged(x.msg.id, wanted)) }
	var err error
	if wanted.something() {
		err = h.hold(ctx, wanted.held(h, x, &held{stream: s, opened: v.r, slug: v.slug, principal: x.principal, greet: acknowledge}))
	} else {
		err = acknowledge()
	}
	if err == nil {
		err = h.sendOnce(s, h.listenEnd(x.msg.id))
	}
	if err != nil {
		httpx.Note(w, err)
	}
	return nil
}

// admitListen refuses what cannot be heard, or is one stream too many. It
// counts the stream until uncount is called.
func (h *Handler) admitListen(v *visit, x *exchange) (wanted filter, uncount func(), refusal *rpcError) {
	if wanted, refusal = h.readFilter(x.msg.params.notifications); refusal != nil {
		return wanted, nil, refusal
	}
	if !accepts(v.r, "text/event-stream") {
		return wanted, nil, &rpcError{status: http.StatusNotAcceptable, code: codeInvalidRequest, message: "Accept must include text/event-stream"}
	}
	uncount, err := h.streams.add(&x.principal)
	if err != nil {
		return wanted, nil, refusedStream(err)
	}
	return wanted, uncount, nil
}

func (h *Handler) sendOnce(s *stream, a *answer) error {
	defer h.done(a)
	return s.send(a)
}

// filter is what a subscription is to hear of.
type filter struct {
	tools bool
	uris  []string // of resources
}

// readFilter reads the filter of a subscription, as far as it can be served;
// of whatever else is asked the acknowledgement says nothing.
func (h *Handler) readFilter(raw []byte) (f filter, err *rpcError) {
	if len(raw) == 0 || raw[0] != '{' {
		return f, invalidParams("notifications must be an object")
	}
	var tools, uris []byte
	p := newParser(raw)
	err = p.members(func(name []byte) *rpcError {
		switch string(name) {
		case "toolsListChanged":
			return p.value(&tools)
		case "resourceSubscriptions":
			return p.value(&uris)
		}
		return p.skip(name, "toolsListChanged", "resourceSubscriptions")
	})
	if err != nil {
		return f, err
	}
	f.tools = string(tools) == "true"
	if uris == nil || !h.cfg.Offers.Updates {
		return f, nil
	}
	if json.Unmarshal(uris, &f.uris) != nil || len(f.uris) > maxSubscribed {
		return f, invalidParams("resourceSubscriptions must be a list of at most " + strconv.Itoa(maxSubscribed) + " URIs")
	}
	f.uris = slices.DeleteFunc(f.uris, func(uri string) bool { return len(uri) > gate.MaxURI })
	return f, nil
}

func (f filter) something() bool { return f.tools || len(f.uris) > 0 }

// held adds to a stream what it hears of.
func (f filter) held(h *Handler, x *exchange, s *held) *held {
	s.id = x.msg.id
	if f.tools {
		s.changed = func() *answer { return h.listChanged(x.msg.id) }
	}
	if len(f.uris) > 0 {
		s.subscribed = func(context.Context, identity.Principal) ([]string, error) { return f.uris, nil }
	}
	return s
}

// subscription appends the _meta that ties a notification to its request.
func subscription(dst, id []byte) []byte {
	return append(append(dst, `"_meta":{"`+metaSubscription+`":`...), id...)
}

func (h *Handler) acknowledged(id []byte, f filter) *answer {
	b := h.buffers.get()
	b.b = append(b.b, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{`...)
	b.b = append(subscription(b.b, id), `},"notifications":{`...)
	if f.tools {
		b.b = append(b.b, `"toolsListChanged":true`...)
	}
	for i, uri := range f.uris {
		switch {
		case i > 0:
			b.b = append(b.b, ',')
		case f.tools:
			b.b = append(b.b, `,"resourceSubscriptions":[`...)
		default:
			b.b = append(b.b, `"resourceSubscriptions":[`...)
		}
		b.b = tool.AppendString(b.b, uri)
	}
	if len(f.uris) > 0 {
		b.b = append(b.b, ']')
	}
	b.b = append(b.b, `}}}`...)
	return &answer{status: http.StatusOK, head: b}
}

// listChanged encodes notifications/tools/list_changed; id is nil for streams
// without a subscription.
func (h *Handler) listChanged(id []byte) *answer {
	b := h.buffers.get()
	b.b = append(b.b, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed"`...)
	if id != nil {
		b.b = append(subscription(append(b.b, `,"params":{`...), id), `}}`...)
	}
	b.b = append(b.b, '}')
	return &answer{status: http.StatusOK, head: b}
}

// listenEnd is the result that ends a subscription in good order.
func (h *Handler) listenEnd(id []byte) *answer {
	b := h.buffers.get()
	b.b = append(appendEnvelope(b.b, id), `,"result":{"resultType":"complete",`...)
	b.b = append(subscription(b.b, id), `}}}`...)
	return &answer{status: http.StatusOK, head: b}
}
