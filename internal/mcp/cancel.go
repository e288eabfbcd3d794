package mcp

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// topicCancelled is the event that a client has cancelled a call which the
// instance that heard of it does not run.
const topicCancelled = "mcp.cancelled"

// cancellation names a call to the instance that runs it: as its caller does,
// so that nobody ends another's. HTTP+SSE sessions have no part in it: their
// messages are brought to where their calls run.
type cancellation struct {
	Tenant     identity.TenantID `json:"tenant"`
	User       identity.UserID   `json:"user"`
	Credential string            `json:"credential"` // its id
	Request    []byte            `json:"request"`
}

// tellTimeout bounds how long a notification waits for a bus that is down.
const tellTimeout = 2 * time.Second

// cancelCall ends the call that a client does not want any more, wherever it
// runs (contract 6.2). A balancer may bring the client's next request, which
// this is, to another instance than the call.
func (h *Handler) cancelCall(ctx context.Context, x *exchange) {
	key := x.callKey(x.msg.params.requestID)
	if h.calls.cancel(key) || key.session != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	payload, err := json.Marshal(cancellation{Tenant: key.tenant, User: key.user, Credential: key.credential, Request: []byte(key.id)})
	if err == nil && len(key.id) <= maxIDBytes { // no request has a longer one
		err = h.cfg.Relay.Publish(ctx, topicCancelled, payload)
	}
	if err != nil {
		h.cfg.Logger.WarnContext(ctx, "other instances not told of a cancelled call", "request_id", x.requestID, "err", err)
	}
}

// cancelledElsewhere ends a call whose cancellation reached another instance.
func (h *Handler) cancelledElsewhere(payload []byte) {
	var c cancellation
	if err := json.Unmarshal(payload, &c); err != nil {
		h.cfg.Logger.Warn("cancellation from another instance", "err", err)
		return
	}
	h.calls.cancel(callKey{tenant: c.Tenant, user: c.User, credential: c.Credential, id: string(c.Request)})
}
