package mcp

import (
	"context"
	stdjson "encoding/json"
	"math"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// outlet carries messages to the client before the answer of a call: on the
// call's own response stream, or on that of its HTTP+SSE session.
type outlet interface {
	// send sends one message and gives its buffer back.
	send(ctx context.Context, a *answer) error
}

// speaker is the client behind one call, as its tool sees it (tool.Client). It
// is safe for concurrent use; what comes after the call's end goes nowhere.
type speaker struct {
	h   *Handler
	x   *exchange
	ctx context.Context // of the call

	mu       sync.Mutex
	progress float64
}

func newSpeaker(ctx context.Context, h *Handler, x *exchange) *speaker {
	return &speaker{h: h, x: x, ctx: ctx, progress: math.Inf(-1)}
}

// Can implements tool.Client.
func (s *speaker) Can(c tool.Capability) bool {
	raw := s.x.capabilities
	if s.x.version.modern() {
		raw = s.x.msg.params.meta.clientCapabilities
	} else if s.x.out == nil {
		return false // nowhere to ask
	}
	return declares(raw, c)
}

// declares reads the capabilities object of a client.
func declares(raw []byte, c tool.Capability) bool {
	var declared struct {
		Elicitation map[string]any `json:"elicitation"`
		Sampling    map[string]any `json:"sampling"`
		Roots       map[string]any `json:"roots"`
	}
	if len(raw) == 0 || len(raw) > maxCapabilities || json.Unmarshal(raw, &declared) != nil {
		return false
	}
	switch c {
	case tool.Elicitation: // an empty object means forms
		return declared.Elicitation != nil && (len(declared.Elicitation) == 0 || declared.Elicitation["form"] != nil)
	case tool.ElicitationURL:
		return declared.Elicitation["url"] != nil
	case tool.Sampling:
		return declared.Sampling != nil
	case tool.Roots:
		return declared.Roots != nil
	}
	return false
}

// Progress implements tool.Client (MCP 2025-11-25, basic/utilities/progress).
func (s *speaker) Progress(done, total float64, message string) {
	token := s.x.msg.params.meta.progressToken
	if !isToken(token) || s.x.out == nil || math.IsInf(done, 0) || !s.advance(done) {
		return
	}
	b := s.h.buffers.get()
	b.b = append(append(b.b, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":`...), token...)
	b.b = appendFloat(append(b.b, `,"progress":`...), done)
	if total > 0 && !math.IsInf(total, 0) {
		b.b = appendFloat(append(b.b, `,"total":`...), total)
	}
	if s.x.version >= v20250326 {
		b.b = appendMember(b.b, "message", message)
	}
	b.b = append(b.b, `}}`...)
	_ = s.x.out.send(s.ctx, &answer{head: b}) // a client that is gone ends the call by itself
}

// isToken reports whether the client named a progress token: a text or a
// number. It is repeated with every message, so that it is bounded as an id is.
func isToken(raw []byte) bool {
	return len(raw) > 0 && len(raw) <= maxIDBytes && (raw[0] == '"' || raw[0] == '-' || isDigit(raw[0]))
}

// advance reports whether done is more than before: the protocol wants
// progress that grows.
func (s *speaker) advance(done float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !(done > s.progress) {
		return false
	}
	s.progress = done
	return true
}

func appendFloat(dst []byte, f float64) []byte {
	out, _ := stdjson.Marshal(f) // its callers have excluded what has no JSON
	return append(dst, out...)
}

// Log implements tool.Client (MCP 2025-11-25, server/utilities/logging).
func (s *speaker) Log(level tool.Level, logger string, data any) {
	least := s.x.leastLevel()
	if least == "" || s.x.out == nil || !level.AtLeast(least) {
		return
	}
	encoded, err := stdjson.Marshal(data)
	if err != nil {
		encoded = tool.AppendString(nil, "a message that has no JSON form")
	}
	b := s.h.buffers.get()
	b.b = append(b.b, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":`...)
	b.b = appendMember(tool.AppendString(b.b, string(level)), "logger", logger)
	b.b = append(append(b.b, `,"data":`...), encoded...)
	b.b = append(b.b, `}}`...)
	_ = s.x.out.send(s.ctx, &answer{head: b}) // as above
}

// leastLevel is the least grave level that the client hears, "" for none: in
// 2026-07-28 what the request says, before that what logging/setLevel said.
func (x *exchange) leastLevel() tool.Level {
	if !x.version.modern() {
		return x.logLevel
	}
	level, _ := unquote(x.msg.params.meta.logLevel)
	if tool.Level(level).AtLeast(tool.Debug) {
		return tool.Level(level)
	}
	return ""
}
