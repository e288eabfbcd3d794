package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// pageSize is how many tools one page of tools/list holds.
const pageSize = 200

// listShape is the part of the version that tools/list depends on.
type listShape string

const (
	shapePlain      listShape = "plain"      // before 2025-06-18
	shapeStructured listShape = "structured" // with title and outputSchema
	shapeModern     listShape = "modern"     // with cache hints and resultType
)

func (v version) shape() listShape {
	switch {
	case v.modern():
		return shapeModern
	case v.structured():
		return shapeStructured
	default:
		return shapePlain
	}
}

// listTools answers tools/list. The page is encoded once per role and change;
// a request only splices its id in. Only the pages of a walk from the start
// are kept: any tool's name makes a cursor.
func (h *Handler) listTools(ctx context.Context, x *exchange) (*answer, *rpcError) {
	set, err := h.cfg.Gate.Catalog().Toolset(ctx, x.principal)
	if err != nil {
		return nil, h.internal(ctx, x, "list tools", err)
	}
	start, ok := pageStart(set.Tools, x.msg.params.cursor)
	if !ok {
		return nil, invalidParams("Invalid cursor")
	}
	shape := x.version.shape()
	encode := func(tools []tool.Tool) []byte { return h.encodePage(tools, start, shape) }
	if start%pageSize != 0 { // a cursor of the client's own making, or of an older list
		return h.splice(x.msg.id, encode(set.Tools)), nil
	}
	return h.splice(x.msg.id, set.Memo("mcp/"+string(shape)+"/"+strconv.Itoa(start), encode)), nil
}

// splice answers with a result that is encoded already, up to the end of the
// message.
func (h *Handler) splice(id, rest []byte) *answer {
	b := h.buffers.get()
	b.b = append(appendEnvelope(b.b, id), `,"result":`...)
	return &answer{status: http.StatusOK, head: b, shared: rest}
}

// pageStart resolves a cursor: the name of the last tool of the page before,
// so that a list which changes meanwhile neither repeats nor loses a tool.
func pageStart(tools []tool.Tool, cursor []byte) (int, bool) {
	if cursor == nil {
		return 0, true
	}
	text, ok := unquote(cursor)
	if !ok {
		return 0, false
	}
	last, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, false
	}
	i := slices.IndexFunc(tools, func(t tool.Tool) bool { return t.Name == string(last) })
	return i + 1, i >= 0
}

// encodePage encodes the result and the end of the message.
func (h *Handler) encodePage(tools []tool.Tool, start int, shape listShape) []byte {
	end := min(start+pageSize, len(tools))
	out := []byte{'{'}
	if shape == shapeModern {
		out = append(out, `"resultType":"complete",`...)
	}
	out = append(out, `"tools":[`...)
	for i := start; i < end; i++ {
		if i > start {
			out = append(out, ',')
		}
		out = appendTool(out, &tools[i], shape)
	}
	out = append(out, ']')
	if end < len(tools) {
		out = append(out, `,"nextCursor":"`...)
		out = append(base64.RawURLEncoding.AppendEncode(out, []byte(tools[end-1].Name)), '"')
	}
	if shape == shapeModern {
		out = append(append(out, cacheHint...), h.info.meta...)
	}
	return append(out, `}}`...)
}

func appendTool(out []byte, t *tool.Tool, shape listShape) []byte {
	title := t.Title
	if title == "" {
		title = t.Name
	}
	out = tool.AppendString(append(out, `{"name":`...), t.Name)
	if shape != shapePlain {
		out = tool.AppendString(append(out, `,"title":`...), title)
	}
	out = tool.AppendString(append(out, `,"description":`...), t.Description)
	out = appendCompact(append(out, `,"inputSchema":`...), t.Schema)
	if shape != shapePlain && t.Output != nil {
		out = appendOutputSchema(append(out, `,"outputSchema":`...), t.Output)
	}
	out = tool.AppendString(append(out, `,"annotations":{"title":`...), title)
	return append(appendHints(out, t.Hints), `}}`...)
}

// appendHints writes the annotations. All are written out: the defaults of the
// protocol are the dangerous ones. Destructive and idempotent mean something
// only for a tool that writes.
func appendHints(out []byte, hints tool.Hints) []byte {
	out = strconv.AppendBool(append(out, `,"readOnlyHint":`...), hints.ReadOnly)
	if !hints.ReadOnly {
		out = strconv.AppendBool(append(out, `,"destructiveHint":`...), hints.Destructive)
		out = strconv.AppendBool(append(out, `,"idempotentHint":`...), hints.Idempotent)
	}
	return strconv.AppendBool(append(out, `,"openWorldHint":`...), hints.OpenWorld)
}

// appendOutputSchema writes the schema of structuredContent, which is always
// an object (contract 6.4): a schema of anything else is wrapped as
// appendStructured wraps the value.
func appendOutputSchema(out []byte, schema []byte) []byte {
	if describesObject(schema) {
		return appendCompact(out, schema)
	}
	out = append(out, `{"type":"object","properties":{"`+wrapName+`":`...)
	return append(appendCompact(out, schema), `},"required":["`+wrapName+`"]}`...)
}

// describesObject reports whether the schema's own type is "object".
func describesObject(schema []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(schema))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for d.PeekKind() == '"' {
		name, _ := d.ReadToken()
		isType := name.String() == "type"
		value, err := d.ReadValue()
		if err != nil {
			return false
		}
		if isType {
			return string(value) == `"object"`
		}
	}
	return false
}

// appendCompact appends JSON without white space: a line break inside would
// end an SSE data line.
func appendCompact(dst, src []byte) []byte {
	out, err := jsontext.AppendFormat(dst, src, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))
	if err != nil { // not JSON: the gate refused such a schema when it built the catalogue
		return append(dst, `{}`...)
	}
	return out
}

// fingerprint identifies what a toolset shows, so that a listener hears only
// of changes that it can see.
func (h *Handler) fingerprint(ctx context.Context, p identity.Principal) ([]byte, error) {
	set, err := h.cfg.Gate.Catalog().Toolset(ctx, p)
	if err != nil {
		return nil, err
	}
	return fingerprintOf(set), nil
}

func fingerprintOf(set *gate.Toolset) []byte {
	return set.Memo("mcp/fingerprint", func(tools []tool.Tool) []byte {
		var all []byte
		for i := range tools {
			all = appendTool(all, &tools[i], shapeStructured)
		}
		sum := sha256.Sum256(all)
		return sum[:]
	})
}
