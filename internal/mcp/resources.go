package mcp

import (
	"context"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// listResources answers resources/list.
func (h *Handler) listResources(ctx context.Context, x *exchange) (*answer, *rpcError) {
	return h.list(ctx, x, listing{"resources", appendResource, func(set *gate.Toolset) []tool.Tool { return set.Resources }})
}

// listTemplates answers resources/templates/list.
func (h *Handler) listTemplates(ctx context.Context, x *exchange) (*answer, *rpcError) {
	return h.list(ctx, x, listing{"resourceTemplates", appendTemplate, func(set *gate.Toolset) []tool.Tool { return set.Templates }})
}

func appendResource(out []byte, t *tool.Tool, shape listShape) []byte {
	out = tool.AppendString(append(out, `{"uri":`...), t.Resource.URI)
	return appendDescribed(out, t, shape)
}

func appendTemplate(out []byte, t *tool.Tool, shape listShape) []byte {
	out = tool.AppendString(append(out, `{"uriTemplate":`...), t.Resource.Template)
	return appendDescribed(out, t, shape)
}

// appendDescribed appends what resources and families have in common.
func appendDescribed(out []byte, t *tool.Tool, shape listShape) []byte {
	out = appendNames(append(out, ','), t.Name, t.Title, shape)
	out = appendMember(out, "description", t.Description)
	return append(appendMember(out, "mimeType", t.Resource.MIMEType), '}')
}

// readHint is the freshness of contents. They may not be kept: each reading is
// to be decided and recorded.
const readHint = `,"ttlMs":0,"cacheScope":"private"`

// readResource answers resources/read.
func (h *Handler) readResource(ctx context.Context, x *exchange) (*answer, *rpcError) {
	uri, ok := unquote(x.msg.params.uri)
	if !ok {
		return nil, invalidParams("Resource URI is missing")
	}
	args := append(tool.AppendString([]byte(`{"uri":`), uri), '}')
	return h.callOffer(ctx, x, gate.ResourceName(uri), args, noResource(x.version, uri), func(r *tool.Result) *answer {
		b := h.openResult(x)
		b.b = append(b.b, `"contents":[`...)
		for i := range r.Contents {
			if i > 0 {
				b.b = append(b.b, ',')
			}
			b.b = appendContents(b.b, &r.Contents[i])
		}
		b.b = append(b.b, ']')
		return h.closeResult(x, b, readHint)
	})
}

// noResource says that there is nothing at the address. It had a code of its
// own until 2026-07-28 took it away.
func noResource(v version, uri string) *rpcError {
	code := codeNoResource
	if v.modern() {
		code = codeInvalidParams
	}
	data := append(tool.AppendString([]byte(`{"uri":`), clip(uri)), '}')
	return &rpcError{status: http.StatusBadRequest, code: code, message: "Resource not found: " + clip(uri), data: data}
}
