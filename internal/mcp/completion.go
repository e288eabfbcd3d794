package mcp

import (
	"context"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// maxValues is how many proposals one answer holds
// (MCP 2025-11-25, server/utilities/completion).
const maxValues = 100

// complete answers completion/complete.
func (h *Handler) complete(ctx context.Context, x *exchange) (*answer, *rpcError) {
	if x.msg.params.argument == nil {
		return nil, invalidParams("argument is missing")
	}
	name, unknown, err := readRef(x.version, x.msg.params.ref)
	if err != nil {
		return nil, err
	}
	return h.callOffer(ctx, x, gate.CompletionName(name), x.msg.params.argument, unknown, func(r *tool.Result) *answer {
		b := h.openResult(x)
		b.b = appendValues(append(b.b, `"completion":`...), r.Values)
		return h.closeResult(x, b, "")
	})
}

func appendValues(dst []byte, values []string) []byte {
	dst = append(dst, `{"values":[`...)
	for i, v := range values[:min(len(values), maxValues)] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = tool.AppendString(dst, v)
	}
	dst = strconv.AppendInt(append(dst, `],"total":`...), int64(len(values)), 10)
	dst = strconv.AppendBool(append(dst, `,"hasMore":`...), len(values) > maxValues)
	return append(dst, '}')
}

// readRef reads what the completion is of: the name of the offer, and the
// answer for when there is none.
func readRef(v version, raw []byte) (name string, unknown, err *rpcError) {
	if len(raw) == 0 || raw[0] != '{' {
		return "", nil, invalidParams("ref must be an object")
	}
	var ref struct{ kind, name, uri []byte }
	p := newParser(raw)
	err = p.members(func(member []byte) *rpcError {
		switch string(member) {
		case "type":
			return p.value(&ref.kind)
		case "name":
			return p.value(&ref.name)
		case "uri":
			return p.value(&ref.uri)
		}
		return p.skip(member, "type", "name", "uri")
	})
	if err != nil {
		return "", nil, err
	}
	kind, _ := unquote(ref.kind)
	prompt, isPrompt := unquote(ref.name)
	uri, isResource := unquote(ref.uri)
	switch {
	case kind == "ref/prompt" && isPrompt:
		return gate.PromptName(prompt), unknownPrompt(prompt), nil
	case kind == "ref/resource" && isResource:
		return gate.ResourceName(uri), noResource(v, uri), nil
	}
	return "", nil, invalidParams("ref must be a ref/prompt with a name or a ref/resource with a uri")
}
