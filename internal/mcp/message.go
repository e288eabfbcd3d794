package mcp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// The bounds of one POST body and its answer.
const (
	maxBatch   = 64      // messages in a batch (2025-03-26 only)
	maxIDBytes = 1 << 10 // a request id, which is echoed

	// maxBatchBytes is when a batch gets no further results: its answers are
	// held together in memory.
	maxBatchBytes = 32 << 20
)

// message is one JSON-RPC message. Its slices alias the body it was read from:
// nothing is copied, and the body is never reused.
type message struct {
	id     []byte // raw JSON, nil for a notification or a bare response
	method string
	params params
	// response marks an answer to a request of ours, with one of the two.
	response bool
	result   []byte
	failure  []byte
}

// params holds the members that some method of ours reads, raw. What it does
// not know it skips.
type params struct {
	name            []byte // tools/call, prompts/get
	uri             []byte // resources/read
	arguments       []byte // tools/call, prompts/get
	cursor          []byte // of the lists
	ref             []byte // completion/complete
	argument        []byte // completion/complete
	protocolVersion []byte // initialize
	clientInfo      []byte // initialize
	notifications   []byte // subscriptions/listen
	requestID       []byte // notifications/cancelled
	level           []byte // logging/setLevel
	capabilities    []byte // initialize
	inputResponses  []byte // 2026-07-28: answers to the questions of a call
	requestState    []byte // 2026-07-28: where that call stands
	meta            meta
}

// meta is what a request says about itself in params._meta. All but the
// progress token is of 2026-07-28.
type meta struct {
	protocolVersion    []byte
	clientInfo         []byte
	clientCapabilities []byte
	logLevel           []byte
	progressToken      []byte
}

// isRequest reports whether the message wants an answer.
func (m *message) isRequest() bool { return m.id != nil && !m.response }

// parser reads JSON-RPC messages strictly: duplicate members, members whose
// name differs from a known one only in case, invalid UTF-8 and deep nesting
// are refused. A lenient reader here would let a client smuggle a method past
// whatever looked at the message before us (GHSA-wvj2-96wp-fq3f).
type parser struct {
	buf bytes.Buffer
	dec jsontext.Decoder
}

// parsers recycles parsers; it is safe for concurrent use.
type parsers struct{ pool sync.Pool }

// decode reads a body that has been measured: one message, or a batch of them.
func (p *parsers) decode(body []byte) (msgs []message, batch bool, err *rpcError) {
	d, ok := p.pool.Get().(*parser)
	if !ok {
		d = &parser{}
	}
	defer func() {
		d.reset(nil) // the pool must not keep the body alive
		if len(body) <= httpx.SmallBody {
			p.pool.Put(d) // with its notes of the names it has seen
		}
	}()
	d.reset(body)
	return d.body()
}

// newParser reads a value of a message that has been parsed before.
func newParser(raw []byte) *parser {
	p := &parser{}
	p.reset(raw)
	return p
}

func (p *parser) reset(body []byte) {
	p.buf = *bytes.NewBuffer(body)
	p.dec.Reset(&p.buf)
}

func (p *parser) body() ([]message, bool, *rpcError) {
	batch := p.dec.PeekKind() == '['
	var msgs []message
	var err *rpcError
	if batch {
		msgs, err = p.batch()
	} else {
		msgs = make([]message, 1)
		err = p.message(&msgs[0])
	}
	if err != nil {
		return nil, batch, err
	}
	if _, end := p.dec.ReadToken(); end != io.EOF {
		return nil, batch, errTrailing
	}
	return msgs, batch, nil
}

func (p *parser) batch() ([]message, *rpcError) {
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, syntaxError(err)
	}
	var msgs []message
	for p.dec.PeekKind() != ']' {
		if len(msgs) == maxBatch {
			return nil, errBatchSize
		}
		msgs = append(msgs, message{})
		if err := p.message(&msgs[len(msgs)-1]); err != nil {
			return nil, err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, syntaxError(err)
	}
	if len(msgs) == 0 {
		return nil, errBatchSize
	}
	return msgs, nil
}

// message reads one JSON-RPC object.
func (p *parser) message(m *message) *rpcError {
	if k := p.dec.PeekKind(); k != '{' {
		return p.notAnObject("A message")
	}
	var version, method []byte
	err := p.members(func(name []byte) *rpcError {
		switch string(name) {
		case "jsonrpc":
			return p.value(&version)
		case "id":
			return p.value(&m.id)
		case "method":
			return p.value(&method)
		case "params":
			return p.params(&m.params)
		case "result":
			m.response = true
			return p.value(&m.result)
		case "error":
			m.response = true
			return p.value(&m.failure)
		}
		return p.skip(name, "jsonrpc", "id", "method", "params", "result", "error")
	})
	if err != nil {
		return err
	}
	return m.finish(version, method)
}

// finish applies the rules of JSON-RPC 2.0 to the members read.
func (m *message) finish(version, method []byte) *rpcError {
	if v, ok := unquote(version); !ok || v != "2.0" {
		return invalidRequest(`"jsonrpc" must be "2.0"`)
	}
	if m.response {
		if method != nil {
			return invalidRequest("A message is either a request or a response")
		}
		return nil
	}
	var ok bool
	if m.method, ok = unquote(method); !ok || m.method == "" {
		return invalidRequest(`"method" must be a string`)
	}
	switch {
	case m.id == nil:
		return nil
	case len(m.id) > maxIDBytes:
		m.id = nil
		return invalidRequest(`"id" is too long`)
	case m.id[0] == '"' || m.id[0] == '-' || isDigit(m.id[0]):
		return nil
	default:
		m.id = nil
		return invalidRequest(`"id" must be a string or a number`)
	}
}

func (p *parser) params(out *params) *rpcError {
	switch p.dec.PeekKind() {
	case '{':
	case 'n':
		return p.value(nil)
	default:
		return p.notAnObject(`"params"`)
	}
	return p.members(func(name []byte) *rpcError {
		switch string(name) {
		case "name":
			return p.value(&out.name)
		case "uri":
			return p.value(&out.uri)
		case "arguments":
			return p.value(&out.arguments)
		case "cursor":
			return p.value(&out.cursor)
		case "ref":
			return p.value(&out.ref)
		case "argument":
			return p.value(&out.argument)
		case "protocolVersion":
			return p.value(&out.protocolVersion)
		case "clientInfo":
			return p.value(&out.clientInfo)
		case "notifications":
			return p.value(&out.notifications)
		case "requestId":
			return p.value(&out.requestID)
		case "level":
			return p.value(&out.level)
		case "capabilities":
			return p.value(&out.capabilities)
		case "inputResponses":
			return p.value(&out.inputResponses)
		case "requestState":
			return p.value(&out.requestState)
		case "_meta":
			return p.meta(&out.meta)
		}
		return p.skip(name, "name", "uri", "arguments", "cursor", "ref", "argument", "protocolVersion", "clientInfo", "notifications", "requestId",
			"level", "capabilities", "inputResponses", "requestState", "_meta")
	})
}

// The members of _meta that name the era of a request (mcp 2026-07-28).
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClient       = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaLogLevel     = "io.modelcontextprotocol/logLevel"
	metaServer       = "io.modelcontextprotocol/serverInfo"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
)

func (p *parser) meta(out *meta) *rpcError {
	switch p.dec.PeekKind() {
	case '{':
	case 'n':
		return p.value(nil)
	default:
		return p.notAnObject(`"_meta"`)
	}
	return p.members(func(name []byte) *rpcError {
		switch string(name) {
		case metaVersion:
			return p.value(&out.protocolVersion)
		case metaClient:
			return p.value(&out.clientInfo)
		case metaCapabilities:
			return p.value(&out.clientCapabilities)
		case metaLogLevel:
			return p.value(&out.logLevel)
		case "progressToken":
			return p.value(&out.progressToken)
		}
		return p.skip(name, metaVersion, metaClient, metaCapabilities, metaLogLevel, "progressToken")
	})
}

// members reads an object, handing each member's name to read, which must
// consume the value.
func (p *parser) members(read func(name []byte) *rpcError) *rpcError {
	if _, err := p.dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	for p.dec.PeekKind() != '}' {
		quoted, err := p.dec.ReadValue()
		if err != nil {
			return syntaxError(err)
		}
		if err := read(nameOf(quoted)); err != nil {
			return err
		}
	}
	_, err := p.dec.ReadToken()
	return syntaxError(err)
}

// nameOf returns the name without its quotes. An escape in it is undone, so
// that "\u006dethod" is the method and not an unknown member.
func nameOf(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	name, _ := jsontext.AppendUnquote(nil, quoted) // the decoder has validated it
	return name
}

// value reads the next value into out. It aliases the body: the decoder reads
// a bytes.Buffer in place. A null is as good as absent.
func (p *parser) value(out *[]byte) *rpcError {
	v, err := p.dec.ReadValue()
	if err != nil {
		return syntaxError(err)
	}
	if out != nil && v[0] != 'n' {
		*out = v
	}
	return nil
}

// skip passes over an unknown member, unless only its case makes it unknown.
func (p *parser) skip(name []byte, known ...string) *rpcError {
	for _, k := range known {
		if strings.EqualFold(string(name), k) {
			return invalidRequest(`Unknown member "` + clip(string(name)) + `", did you mean "` + k + `"?`)
		}
	}
	return p.value(nil)
}

// notAnObject reports a value of the wrong kind, or the syntax error that
// hides behind it.
func (p *parser) notAnObject(what string) *rpcError {
	if _, err := p.dec.ReadValue(); err != nil {
		return syntaxError(err)
	}
	return invalidRequest(what + " must be an object")
}

// unquote returns the text of a JSON string, and false for any other value.
func unquote(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	s, err := jsontext.AppendUnquote(nil, raw)
	return string(s), err == nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// syntaxError maps what the decoder reports; nil stays nil.
func syntaxError(err error) *rpcError {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errDuplicate
	default:
		return errParse
	}
}
