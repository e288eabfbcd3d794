package mcp

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// wrapName is the member that holds a structured value which is no object.
const wrapName = "result"

// callTool answers tools/call.
func (h *Handler) callTool(ctx context.Context, x *exchange) (*answer, *rpcError) {
	name, ok := unquote(x.msg.params.name)
	if !ok {
		return nil, invalidParams("Tool name is missing")
	}
	result, err := h.callGate(ctx, x, h.cfg.Gate.Call, name, x.msg.params.arguments)
	if err != nil {
		if a, asked := h.asQuestion(x, err); a != nil || asked != nil {
			return a, asked
		}
		var refusal *gate.Refusal
		if !errors.As(err, &refusal) {
			return nil, h.internal(ctx, x, "call tool", err)
		}
		if refusal.Outcome == gate.Unknown {
			return nil, invalidParams("Unknown tool: " + clip(name))
		}
		result = &tool.Result{Text: refusal.Text, IsError: true}
	}
	return h.encodeResult(x, result), nil
}

func (h *Handler) encodeResult(x *exchange, r *tool.Result) *answer {
	b := h.buffers.get()
	b.b = append(appendEnvelope(b.b, x.msg.id), `,"result":{`...)
	if x.version.modern() {
		b.b = append(b.b, `"resultType":"complete",`...)
	}
	if r.Table != nil && r.Table.JSONSize() > largeAbove {
		tail := h.appendEnd(nil, x.version, r.IsError)
		return &answer{status: http.StatusOK, head: b, table: &largeTable{r.Table, x.version.structured(), tail}}
	}
	h.appendContent(b, x.version, r)
	b.b = h.appendEnd(b.b, x.version, r.IsError)
	return &answer{status: http.StatusOK, head: b}
}

// appendEnd appends what follows the content of a result.
func (h *Handler) appendEnd(dst []byte, v version, isError bool) []byte {
	dst = append(dst, `,"isError":`...)
	dst = strconv.AppendBool(dst, isError)
	if v.modern() {
		dst = append(dst, h.info.meta...)
	}
	return append(dst, `}}`...)
}

const (
	openText  = `"content":[{"type":"text","text":`
	closeText = `}]`
)

// appendContent appends the result as text and, from 2025-06-18 on, as
// structuredContent too. The structured form comes first: the text of a table
// is quoted straight from the bytes that were just written.
func (h *Handler) appendContent(b *buffer, v version, r *tool.Result) {
	switch {
	case r.Table != nil && v.structured():
		start, end := b.structured(r.Table.JSONSize(), r.Table.AppendJSON)
		b.b = appendQuoted(append(b.b, openText...), b.b[start:end])
	case r.Table != nil:
		h.scratch(func(s *buffer) {
			s.b = r.Table.AppendJSON(s.b)
			b.b = appendQuoted(append(b.b, openText...), s.b)
		})
	case r.JSON != nil:
		if v.structured() {
			b.structured(len(r.JSON), func(dst []byte) []byte { return appendStructured(dst, r.JSON) })
		}
		h.scratch(func(s *buffer) {
			s.b = appendIndented(s.b, r.JSON)
			b.b = appendQuoted(append(b.b, openText...), s.b)
		})
	case r.Content != nil:
		b.structuredOf(r, v)
		b.b = appendBlocks(append(b.b, `"content":`...), v, r.Content)
		return
	default:
		b.structuredOf(r, v)
		b.b = tool.AppendString(append(b.b, openText...), r.Text)
	}
	b.b = append(b.b, closeText...)
}

// structuredOf appends the structured form that comes beside the content.
func (b *buffer) structuredOf(r *tool.Result, v version) {
	if r.Structured != nil && v.structured() {
		b.structured(len(r.Structured), func(dst []byte) []byte { return append(dst, r.Structured...) })
	}
}

// structured appends the structuredContent member, making room for it and for
// its copy as text, and returns where it lies.
func (b *buffer) structured(size int, fill func([]byte) []byte) (start, end int) {
	if need := len(b.b) + size*5/2; need > cap(b.b) {
		b.b = append(make([]byte, 0, need), b.b...)
	}
	b.b = append(b.b, `"structuredContent":`...)
	start = len(b.b)
	b.b = fill(b.b)
	end = len(b.b)
	b.b = append(b.b, ',')
	return start, end
}

// scratch lends a second buffer.
func (h *Handler) scratch(use func(*buffer)) {
	s := h.buffers.get()
	defer h.buffers.put(s)
	use(s)
}

// appendStructured appends a JSON value as an object (contract 6.4).
func appendStructured(dst, value []byte) []byte {
	if jsontext.Value(value).Kind() == '{' {
		return append(dst, value...)
	}
	dst = append(append(dst, `{"`+wrapName+`":`...), value...)
	return append(dst, '}')
}

// appendIndented appends JSON for reading, indented by two (contract 6.4).
func appendIndented(dst, src []byte) []byte {
	out, err := jsontext.AppendFormat(dst, src, jsontext.WithIndent("  "),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))
	if err != nil {
		return append(dst, src...)
	}
	return out
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends src as a JSON string. src is JSON already, so that its
// UTF-8 needs no second look. dst and src may share memory.
func appendQuoted(dst, src []byte) []byte {
	return append(appendEscaped(append(dst, '"'), src), '"')
}

// appendEscaped appends src as the inside of a JSON string.
func appendEscaped(dst, src []byte) []byte {
	start := 0
	for i, c := range src {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, src[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(dst, src[start:]...)
}
