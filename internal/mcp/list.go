package mcp

import (
	"bytes"
	"cmp"
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

// pageSize is how many items one page of a list holds.
const pageSize = 200

// listShape is the part of the version that lists depend on.
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

// listing is one of the lists: how a page of it is encoded.
type listing struct {
	member string // of the result
	append func(out []byte, t *tool.Tool, shape listShape) []byte
	items  func(*gate.Toolset) []tool.Tool
}

// listTools answers tools/list.
func (h *Handler) listTools(ctx context.Context, x *exchange) (*answer, *rpcError) {
	return h.list(ctx, x, listing{"tools", appendTool, func(set *gate.Toolset) []tool.Tool { return set.Tools }})
}

// list answers with one page. It is encoded once per role and change; a
// request only splices its id in. Only the pages of a walk from the start are
// kept: any item's name makes a cursor.
func (h *Handler) list(ctx context.Context, x *exchange, l listing) (*answer, *rpcError) {
	set, err := h.cfg.Gate.Catalog().Toolset(ctx, x.principal)
	if err != nil {
		return nil, h.internal(ctx, x, "list "+l.member, err)
	}
	items := l.items(set)
	start, ok := pageStart(items, x.msg.params.cursor)
	if !ok {
		return nil, invalidParams("Invalid cursor")
	}
	shape := x.version.shape()
	encode := func() []byte { return h.encodePage(l, items, start, shape) }
	if start%pageSize != 0 { // a cursor of the client's own making, or of an older list
		return h.splice(x.msg.id, encode()), nil
	}
	return h.splice(x.msg.id, set.Memo("mcp/"+l.member+"/"+string(shape)+"/"+strconv.Itoa(start), encode)), nil
}

// splice answers with a result that is encoded already, up to the end of the
// message.
func (h *Handler) splice(id, rest []byte) *answer {
	b := h.buffers.get()
	b.b = append(appendEnvelope(b.b, id), `,"result":`...)
	return &answer{status: http.StatusOK, head: b, shared: rest}
}

// pageStart resolves a cursor: the name of the last item of the page before,
// so that a list which changes meanwhile neither repeats nor loses an item.
func pageStart(items []tool.Tool, cursor []byte) (int, bool) {
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
	i := slices.IndexFunc(items, func(t tool.Tool) bool { return t.Name == string(last) })
	return i + 1, i >= 0
}

// encodePage encodes the result and the end of the message.
func (h *Handler) encodePage(l listing, items []tool.Tool, start int, shape listShape) []byte {
	end := min(start+pageSize, len(items))
	out := []byte{'{'}
	if shape == shapeModern {
		out = append(out, `"resultType":"complete",`...)
	}
	out = append(append(append(out, '"'), l.member...), `":[`...)
	for i := start; i < end; i++ {
		if i > start {
			out = append(out, ',')
		}
		out = l.append(out, &items[i], shape)
	}
	out = append(out, ']')
	if end < len(items) {
		out = append(out, `,"nextCursor":"`...)
		out = append(base64.RawURLEncoding.AppendEncode(out, []byte(items[end-1].Name)), '"')
	}
	if shape == shapeModern {
		out = append(append(out, cacheHint...), h.info.meta...)
	}
	return append(out, `}}`...)
}

func appendTool(out []byte, t *tool.Tool, shape listShape) []byte {
	title := cmp.Or(t.Title, t.Name)
	out = appendNames(append(out, '{'), t.Name, title, shape)
	out = tool.AppendString(append(out, `,"description":`...), t.Description)
	out = appendCompact(append(out, `,"inputSchema":`...), t.Schema)
	if shape != shapePlain && t.Output != nil {
		out = appendOutputSchema(append(out, `,"outputSchema":`...), t.Output)
	}
	out = tool.AppendString(append(out, `,"annotations":{"title":`...), title)
	return append(appendHints(out, t.Hints), `}}`...)
}

// appendNames appends the name and, where the version has it, the title.
func appendNames(out []byte, name, title string, shape listShape) []byte {
	out = tool.AppendString(append(out, `"name":`...), name)
	if shape != shapePlain {
		out = tool.AppendString(append(out, `,"title":`...), cmp.Or(title, name))
	}
	return out
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
	return set.Memo("mcp/fingerprint", func() []byte {
		var all []byte
		for i := range set.Tools {
			all = appendTool(all, &set.Tools[i], shapeStructured)
		}
		sum := sha256.Sum256(all)
		return sum[:]
	})
}
