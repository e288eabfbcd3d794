package mcp

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// servePost is Streamable HTTP: one POST, one answer (contract 6.1).
func (h *Handler) servePost(w http.ResponseWriter, v *visit) error {
	principal, err := h.authenticate(v)
	if err != nil {
		return err
	}
	body, err := h.readBody(w, v, &principal)
	if err != nil {
		return err
	}
	defer body.free()
	msgs, batch, refusal, err := h.parse(v.r, body, &principal)
	if err != nil {
		return err
	}
	if refusal != nil {
		h.reply(w, v, h.buffers.refuse(v20260728, nil, refusal))
		return nil
	}
	x := exchange{principal: principal, ip: v.ip, requestID: v.requestID, transport: transportHTTP}
	if batch {
		h.serveBatch(w, v, x, msgs)
		return nil
	}
	x.msg, x.body = &msgs[0], body
	return h.serveSingle(w, v, &x)
}

func (h *Handler) serveSingle(w http.ResponseWriter, v *visit, x *exchange) error {
	if refusal := h.settle(v, x); refusal != nil {
		h.reply(w, v, h.buffers.refuse(x.version, x.msg.id, refusal))
		return nil
	}
	if x.msg.method == "subscriptions/listen" && x.version.modern() && x.msg.isRequest() {
		return h.serveListen(w, v, x)
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	defer cancel()
	out := &postStream{h: h, w: w, ctx: ctx, cancel: cancel, again: func(ctx context.Context) (identity.Principal, error) {
		return h.authenticateRequest(ctx, v.r, v.slug)
	}}
	defer out.close()
	if !x.version.modern() {
		x.again = out.again
	}
	if accepts(v.r, "text/event-stream") {
		x.out = out
	}
	a := h.respond(ctx, x)
	if a == nil {
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	if x.opened != "" {
		w.Header().Set(headerSession, x.opened)
	}
	if !out.finish(a) {
		h.reply(w, v, a)
	}
	return nil
}

// settle finds the era of the message and refuses what has no place in it.
func (h *Handler) settle(v *visit, x *exchange) *rpcError {
	var quirk string
	var err *rpcError
	x.version, quirk, err = h.era(v.r.Header, x.msg)
	if quirk != "" {
		h.cfg.Quirk(quirk)
	}
	if err != nil {
		return err
	}
	if err := checkID(x.msg); err != nil {
		return err
	}
	if err := h.inSession(v, x); err != nil {
		return err
	}
	return h.checkParams(v.r.Context(), v.r.Header, x)
}

// checkID refuses a request method without an id: nobody would ever learn what
// came of it.
func checkID(m *message) *rpcError {
	if m.id == nil && !m.response && !strings.HasPrefix(m.method, "notifications/") {
		return invalidRequest(`"id" is missing`)
	}
	return nil
}

// serveBatch answers a batch, which only 2025-03-26 has, in order.
func (h *Handler) serveBatch(w http.ResponseWriter, v *visit, x exchange, msgs []message) {
	if ver, err := earlierVersion(v.r.Header.Get(headerVersion)); err != nil || !ver.batches() {
		h.reply(w, v, h.buffers.refuse(v20260728, nil, invalidRequest("Batches are not supported in this protocol version")))
		return
	}
	x.version = v20250326
	var out batch
	defer func() {
		for _, a := range out {
			h.done(a)
		}
	}()
	size := 0
	for i := range msgs {
		one := x // a tool may run on beyond its call, with what it was given
		one.msg = &msgs[i]
		if a := h.respondBatched(v, &one, size); a != nil {
			out, size = append(out, a), size+a.size()
		}
	}
	if len(out) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	h.send(w, v, http.StatusOK, out)
}

// respondBatched answers one message of a batch. Its caller is read afresh,
// because the messages before it may have taken long.
func (h *Handler) respondBatched(v *visit, x *exchange, sofar int) *answer {
	refusal := h.settleBatched(v, x)
	if refusal == nil && x.msg.isRequest() && sofar > maxBatchBytes {
		refusal = invalidRequest("The answers before this one fill the response, send the request again")
	}
	if refusal != nil {
		return h.buffers.refuse(x.version, x.msg.id, refusal)
	}
	return h.respond(v.r.Context(), x)
}

// settleBatched is settle for a message of a batch.
func (h *Handler) settleBatched(v *visit, x *exchange) *rpcError {
	principal, err := h.authenticate(v)
	if err != nil {
		return invalidRequest(fault.Of(err).Public)
	}
	x.principal = principal
	switch refusal := checkID(x.msg); {
	case refusal != nil:
		return refusal
	case x.msg.method == "initialize":
		return invalidRequest("initialize may not be part of a batch")
	case x.msg.isRequest():
		return h.inSession(v, x)
	}
	return nil
}

// reply sends an answer in the form that the client takes, JSON if it can.
func (h *Handler) reply(w http.ResponseWriter, v *visit, a *answer) {
	defer h.done(a)
	h.send(w, v, a.status, a)
}

func (h *Handler) send(w http.ResponseWriter, v *visit, status int, p payload) {
	if status != http.StatusOK || accepts(v.r, "application/json") || !accepts(v.r, "text/event-stream") {
		h.serveJSON(w, status, p)
		return
	}
	_ = h.openStream(w).send(p) // a caller that is gone needs no answer
}

func (h *Handler) serveJSON(w http.ResponseWriter, status int, p payload) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if n := p.len(); n >= 0 {
		header.Set("Content-Length", strconv.Itoa(n))
	}
	w.WriteHeader(status)
	_ = p.writeTo(h.paced(w)) // a caller that is gone needs no answer
}

// parse is parseBody for the body of the request.
func (h *Handler) parse(r *http.Request, b *body, p *identity.Principal) (msgs []message, batch bool, refusal *rpcError, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, false, errMediaType, nil
	}
	return h.parseBody(r.Context(), b, p)
}

// accepts reports whether the client takes the media type. Without an Accept
// header it takes anything.
func accepts(r *http.Request, mediaType string) bool {
	values := r.Header.Values("Accept")
	if len(values) == 0 {
		return true
	}
	family, _, _ := strings.Cut(mediaType, "/")
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			kind, _, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case mediaType, family + "/*", "*/*":
				return true
			}
		}
	}
	return false
}
