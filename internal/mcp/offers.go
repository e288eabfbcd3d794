package mcp

import (
	"context"
	"errors"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Offers says what a build has beside tools. What it lacks is not announced,
// and its methods do not exist.
type Offers struct {
	Prompts, Resources, Completions bool
	// Updates says that some resource tells when it changes.
	Updates bool
}

// method answers one method.
type method func(context.Context, *exchange) (*answer, *rpcError)

// offeredMethods returns the methods that come with the offers.
func (h *Handler) offeredMethods(o Offers) map[string]method {
	m := map[string]method{}
	if o.Prompts {
		m["prompts/list"] = h.listPrompts
		m["prompts/get"] = h.getPrompt
	}
	if o.Resources {
		m["resources/list"] = h.listResources
		m["resources/templates/list"] = h.listTemplates
		m["resources/read"] = h.readResource
	}
	if o.Completions {
		m["completion/complete"] = h.complete
	}
	return m
}

// capabilities appends what is announced of the offers.
func (o Offers) capabilities(dst []byte) []byte {
	if o.Prompts {
		dst = append(dst, `,"prompts":{}`...)
	}
	if o.Resources {
		dst = append(dst, `,"resources":{`...)
		if o.Updates {
			dst = append(dst, `"subscribe":true`...)
		}
		dst = append(dst, '}')
	}
	if o.Completions {
		dst = append(dst, `,"completions":{}`...)
	}
	return dst
}

// callOffer takes an offer through the gate and encodes its result with the
// function given. These methods have no result that could hold an error, so
// that a refusal becomes one of JSON-RPC; unknown is the answer for what is
// not there.
func (h *Handler) callOffer(ctx context.Context, x *exchange, name string, args []byte, unknown *rpcError, encode func(*tool.Result) *answer) (*answer, *rpcError) {
	result, err := h.callGate(ctx, x, h.cfg.Gate.CallOffer, name, args)
	if err == nil {
		return encode(result), nil
	}
	if a, asked := h.asQuestion(x, err); a != nil || asked != nil {
		return a, asked
	}
	var refusal *gate.Refusal
	switch {
	case !errors.As(err, &refusal):
		return nil, h.internal(ctx, x, x.msg.method, err)
	case refusal.Outcome == gate.Unknown, errors.Is(refusal.Err, tool.ErrNoResource):
		return nil, unknown
	case refusal.Outcome == gate.Denied, refusal.Outcome == gate.Rejected:
		return nil, invalidParams(refusal.Text)
	default:
		return nil, refusedCall(refusal.Text)
	}
}

// refusedCall says why a call has no result. It is a success of the transport:
// clients read no body under a status such as 500.
func refusedCall(text string) *rpcError {
	return &rpcError{status: http.StatusOK, code: codeInternal, message: text}
}

// openResult begins a result that is this caller's own.
func (h *Handler) openResult(x *exchange) *buffer {
	b := h.buffers.get()
	b.b = append(appendEnvelope(b.b, x.msg.id), `,"result":{`...)
	if x.version.modern() {
		b.b = append(b.b, `"resultType":"complete",`...)
	}
	return b
}

// closeResult ends it. cache is what a modern client is told of freshness, ""
// where nothing is.
func (h *Handler) closeResult(x *exchange, b *buffer, cache string) *answer {
	if x.version.modern() {
		b.b = append(append(b.b, cache...), h.info.meta...)
	}
	b.b = append(b.b, `}}`...)
	return &answer{status: http.StatusOK, head: b}
}
