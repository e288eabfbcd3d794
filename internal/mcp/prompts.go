package mcp

import (
	"cmp"
	"context"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// listPrompts answers prompts/list.
func (h *Handler) listPrompts(ctx context.Context, x *exchange) (*answer, *rpcError) {
	return h.list(ctx, x, listing{"prompts", appendPrompt, func(set *gate.Toolset) []tool.Tool { return set.Prompts }})
}

func appendPrompt(out []byte, t *tool.Tool, shape listShape) []byte {
	out = appendNames(append(out, '{'), t.Name, t.Title, shape)
	out = appendMember(out, "description", t.Description)
	out = append(out, `,"arguments":[`...)
	for i, a := range t.Prompt.Arguments {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendNames(append(out, '{'), a.Name, a.Title, shape)
		out = appendMember(out, "description", a.Description)
		out = append(strconv.AppendBool(append(out, `,"required":`...), a.Required), '}')
	}
	return append(out, `]}`...)
}

// getPrompt answers prompts/get.
func (h *Handler) getPrompt(ctx context.Context, x *exchange) (*answer, *rpcError) {
	name, ok := unquote(x.msg.params.name)
	if !ok {
		return nil, invalidParams("Prompt name is missing")
	}
	return h.callOffer(ctx, x, gate.PromptName(name), x.msg.params.arguments, unknownPrompt(name), func(r *tool.Result) *answer {
		b := h.openResult(x)
		b.b = append(b.b, `"messages":[`...)
		for i := range r.Messages {
			if i > 0 {
				b.b = append(b.b, ',')
			}
			b.b = appendMessage(b.b, x.version, &r.Messages[i])
		}
		b.b = append(b.b, ']')
		return h.closeResult(x, b, "")
	})
}

func unknownPrompt(name string) *rpcError { return invalidParams("Unknown prompt: " + clip(name)) }

func appendMessage(dst []byte, v version, m *tool.Message) []byte {
	dst = tool.AppendString(append(dst, `{"role":`...), string(cmp.Or(m.Role, tool.User)))
	dst = appendBlock(append(dst, `,"content":`...), v, &m.Content)
	return append(dst, '}')
}
