package mcp

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// exchange is one message in its circumstances.
type exchange struct {
	principal identity.Principal
	ip        string
	requestID string
	transport string // as session.connected names it
	session   string // HTTP+SSE session, "" over Streamable HTTP
	version   version
	msg       *message
	body      *body // that msg is in, nil for one of a batch

	// out carries messages before the answer, nil when the client takes none.
	out outlet
	// capabilities and logLevel are what a client before 2026-07-28 said of
	// itself earlier; a logLevel of "" means that it hears nothing.
	capabilities []byte
	logLevel     tool.Level
	state        sessionState // remembers it, nil without a session
	rounds       *rounds      // of a call that runs
	// again reads the caller afresh; nil where a call never waits for its client.
	again func(context.Context) (identity.Principal, error)

	opened  string // the id of the session that initialize began
	release func() // of the memory of a large result, nil when it has none
}

// The transports as session.connected names them.
const (
	transportHTTP = "streamable-http"
	transportSSE  = "sse"
)

func (x *exchange) callKey(id []byte) callKey {
	p := &x.principal
	return callKey{tenant: p.Tenant, user: p.User, credential: p.Credential, session: x.session, id: string(id)}
}

// respond answers a request. It returns nil for messages that get no answer.
func (h *Handler) respond(ctx context.Context, x *exchange) *answer {
	if !x.msg.isRequest() {
		h.notify(ctx, x)
		return nil
	}
	x.release = nil
	a, err := h.dispatch(ctx, x)
	if err != nil {
		a = h.buffers.refuse(x.version, x.msg.id, err)
	}
	a.release = x.release
	return a
}

func (h *Handler) dispatch(ctx context.Context, x *exchange) (*answer, *rpcError) {
	switch x.msg.method {
	case "tools/call":
		return h.callTool(ctx, x)
	case "tools/list":
		return h.listTools(ctx, x)
	case "server/discover":
		if x.version.modern() {
			return h.discover(ctx, x)
		}
	case "initialize":
		return h.initialize(ctx, x)
	case "logging/setLevel":
		if h.cfg.Interactive && !x.version.modern() {
			return h.setLogLevel(ctx, x)
		}
	case "resources/subscribe", "resources/unsubscribe":
		if h.cfg.Offers.Updates && !x.version.modern() {
			return h.subscribe(ctx, x)
		}
	case "ping":
		return h.splice(x.msg.id, []byte(`{}}`)), nil
	}
	if offered := h.offered[x.msg.method]; offered != nil {
		return offered(ctx, x)
	}
	return nil, unknownMethod(x.msg.method)
}

// notify takes a message that gets no answer. Those that matter here are the
// wish to end a call, and the answer to a question of ours.
func (h *Handler) notify(ctx context.Context, x *exchange) {
	switch {
	case x.msg.response:
		h.takeResponse(ctx, x)
	case x.msg.method == "notifications/cancelled" && x.msg.params.requestID != nil:
		h.cancelCall(ctx, x)
	}
}

// gateCall is one of the ways into the gate: Call, CallOffer.
type gateCall func(context.Context, gate.Caller, string, json.RawMessage) (*tool.Result, error)

// callGate runs something of the gate's for the exchange. An error is a
// *gate.Refusal.
func (h *Handler) callGate(ctx context.Context, x *exchange, call gateCall, name string, args []byte) (*tool.Result, error) {
	ctx, end := h.calls.start(ctx, x.callKey(x.msg.id))
	defer end()
	x.rounds = h.openRounds(x)
	caller := gate.Caller{
		Principal: x.principal, IP: x.ip, RequestID: x.requestID, Client: newSpeaker(ctx, h, x), Again: x.again,
		Keep: func(release func()) { x.release = release },
	}
	if x.rounds.invalid != nil {
		caller.Invalid = x.rounds.invalid.message
	}
	return call(ctx, caller, name, args)
}

func (h *Handler) discover(ctx context.Context, x *exchange) (*answer, *rpcError) {
	if err := h.connected(ctx, x, x.msg.params.meta.clientInfo); err != nil {
		return nil, err
	}
	return h.splice(x.msg.id, h.info.discover), nil
}

func (h *Handler) initialize(ctx context.Context, x *exchange) (*answer, *rpcError) {
	if x.transport != transportSSE { // recorded when its stream was opened
		if err := h.connected(ctx, x, x.msg.params.clientInfo); err != nil {
			return nil, err
		}
		var err *rpcError
		if x.opened, err = h.openSession(ctx, x); err != nil {
			return nil, err
		}
	}
	a := h.splice(x.msg.id, h.info.initialize)
	a.head.b = append(append(append(a.head.b, `{"protocolVersion":"`...), x.version...), '"')
	return a, nil
}

// connected records session.connected (contract 10). Without the record there
// is no session.
func (h *Handler) connected(ctx context.Context, x *exchange, clientInfo []byte) *rpcError {
	name, build := readClientInfo(clientInfo)
	event := audit.Event{
		Name: "session.connected", IP: x.ip, RequestID: x.requestID, At: h.cfg.Now(),
		Metadata: map[string]any{
			"transport": x.transport, "client_name": name, "client_version": build,
			"protocol_version": string(x.version),
		},
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if err := h.cfg.Audit.Record(ctx, event.By(x.principal)); err != nil {
		h.logFault(ctx, x.requestID, "audit record failed, session refused", err)
		return internalError("Error: audit log unavailable", x.requestID)
	}
	return nil
}

// recordTimeout bounds the wait for an audit record.
const recordTimeout = 10 * time.Second

// readClientInfo reads what a client calls itself. It is hearsay, kept for the
// record only, and bounded.
func readClientInfo(raw []byte) (name, build string) {
	var info struct{ name, version []byte }
	if len(raw) == 0 || raw[0] != '{' {
		return "", ""
	}
	p := newParser(raw)
	err := p.members(func(member []byte) *rpcError {
		switch string(member) {
		case "name":
			return p.value(&info.name)
		case "version":
			return p.value(&info.version)
		}
		return p.value(nil)
	})
	if err != nil {
		return "", ""
	}
	name, _ = unquote(info.name)
	build, _ = unquote(info.version)
	return clip(name), clip(build)
}

// internal logs a fault of the gateway's own and returns what the caller may
// know of it.
func (h *Handler) internal(ctx context.Context, x *exchange, what string, err error) *rpcError {
	h.logFault(ctx, x.requestID, what, err)
	return internalError("Internal error", x.requestID)
}

func (h *Handler) logFault(ctx context.Context, requestID, what string, err error) {
	h.cfg.Logger.ErrorContext(ctx, what, "request_id", requestID, "err", err)
}
