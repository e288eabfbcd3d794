package mcp

import (
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// serveListen is subscriptions/listen (2026-07-28): a stream that tells when
// the caller's tools change, until the caller leaves.
func (h *Handler) serveListen(w http.ResponseWriter, v *visit, x *exchange) error {
	wanted, refusal := wantsToolChanges(x.msg.params.notifications)
	if refusal == nil && !accepts(v.r, "text/event-stream") {
		refusal = &rpcError{status: http.StatusNotAcceptable, code: codeInvalidRequest, message: "Accept must include text/event-stream"}
	}
	if refusal != nil {
		h.reply(w, v, h.buffers.refuse(x.version, x.msg.id, refusal))
		return nil
	}
	ctx, end := h.calls.start(v.r.Context(), x.callKey(x.msg.id))
	defer end()
	s := h.openStream(w)
	acknowledge := func() error { return h.sendOnce(s, h.acknowledged(x.msg.id, wanted)) }
	var err error
	if wanted {
		err = h.hold(ctx, &held{
			stream: s, opened: v.r, slug: v.slug, principal: x.principal, greet: acknowledge,
			changed: func() *answer { return h.listChanged(x.msg.id) },
		})
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

func (h *Handler) sendOnce(s *stream, a *answer) error {
	defer h.buffers.put(a.head)
	return s.send(a)
}

// wantsToolChanges reads the filter of the subscription. Only changes of tools
// are offered; of whatever else is asked the acknowledgement says nothing.
func wantsToolChanges(raw []byte) (bool, *rpcError) {
	if len(raw) == 0 || raw[0] != '{' {
		return false, invalidParams("notifications must be an object")
	}
	var wanted []byte
	p := newParser(raw)
	err := p.members(func(name []byte) *rpcError {
		if string(name) == "toolsListChanged" {
			return p.value(&wanted)
		}
		return p.skip(name, "toolsListChanged")
	})
	return string(wanted) == "true", err
}

// subscription appends the _meta that ties a notification to its request.
func subscription(dst, id []byte) []byte {
	return append(append(dst, `"_meta":{"`+metaSubscription+`":`...), id...)
}

func (h *Handler) acknowledged(id []byte, wanted bool) *answer {
	b := h.buffers.get()
	b.b = append(b.b, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{`...)
	b.b = append(subscription(b.b, id), `},"notifications":{`...)
	if wanted {
		b.b = append(b.b, `"toolsListChanged":true`...)
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
