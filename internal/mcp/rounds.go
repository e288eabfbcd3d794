package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// The bounds of a call that asks its client in rounds.
const (
	stateLife  = time.Hour
	maxAnswers = 512 << 10 // bytes of all answers together
)

// Sealer seals what a client keeps for the gateway.
type Sealer interface {
	Seal(text string, at seal.Place) string
	Open(sealed string, at seal.Place) (string, error)
}

// rounds is where a call stands that asks its client by its results
// (2026-07-28, basic/utilities/mrtr). The tool runs from its start in every
// round; what it asked before is answered from here.
type rounds struct {
	mu       sync.Mutex
	answered map[string]answered // by question name
	// asked holds the digest of what the last round asked, by name; nil when
	// the request came without a state.
	asked map[string]string
	given map[string]stdjson.RawMessage // with this request
	size  int                           // of what is answered
	// invalid is what is wrong with all this in the request, nil for nothing.
	invalid *rpcError
}

// answered is an answer with the digest of its question. It counts only for
// that question: when the tool asks something else now, the person is asked
// again.
type answered struct {
	Question string             `json:"q"`
	Answer   stdjson.RawMessage `json:"a"`
}

// roundState is what requestState seals.
type roundState struct {
	Until    int64               `json:"until"` // Unix seconds
	Answered map[string]answered `json:"answered"`
	Asked    map[string]string   `json:"asked"`
}

var (
	errState        = invalidParams("Invalid requestState: repeat the call without it")
	errStateExpired = invalidParams("requestState has expired: repeat the call without it")
	errResponses    = invalidParams("inputResponses must be an object of objects")
)

// openRounds reads where the call stands from its request.
func (h *Handler) openRounds(x *exchange) *rounds {
	r := &rounds{answered: map[string]answered{}}
	if !x.version.modern() {
		return r
	}
	r.invalid = r.readGiven(x.msg.params.inputResponses)
	if r.invalid == nil && x.msg.params.requestState != nil {
		r.invalid = h.readState(x, r)
	}
	return r
}

func (r *rounds) readGiven(responses []byte) *rpcError {
	if responses == nil {
		return nil
	}
	if err := json.Unmarshal(responses, &r.given); err != nil {
		return errResponses
	}
	for _, raw := range r.given {
		if raw[0] != '{' {
			return errResponses
		}
	}
	return nil
}

// readState opens what an earlier round sealed.
func (h *Handler) readState(x *exchange, r *rounds) *rpcError {
	sealed, ok := unquote(x.msg.params.requestState)
	if !ok || h.cfg.Seal == nil {
		return errState
	}
	text, err := h.cfg.Seal.Open(sealed, statePlace(x))
	var state roundState
	if err != nil || json.Unmarshal([]byte(text), &state) != nil {
		return errState
	}
	if h.cfg.Now().Unix() > state.Until {
		return errStateExpired
	}
	r.asked = state.Asked
	for name, a := range state.Answered {
		r.answered[name] = a
		r.size += len(a.Answer)
	}
	return nil
}

// statePlace binds a state to the one call that it belongs to: who makes it,
// and what exactly is called.
func statePlace(x *exchange) seal.Place {
	p := &x.msg.params
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(x.msg.method), p.name, p.uri, canonical(p.arguments)} {
		d := sha256.Sum256(part)
		sum.Write(d[:])
	}
	return seal.Place{
		Tenant: string(x.principal.Tenant), Table: "mcp_request_state",
		Row: string(x.principal.User) + "/" + hex.EncodeToString(sum.Sum(nil)),
	}
}

// canonical is RFC 8785, so that a client may write the same arguments in
// another order, but with all digits of numbers: beyond 2^53 two rows could
// otherwise be one.
func canonical(raw []byte) []byte {
	v := jsontext.Value(slices.Clone(raw))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return raw // not JSON: the gate refuses such arguments
	}
	return v
}

// answers returns what is known of the questions, or asks for what is not.
func (r *rounds) answers(questions tool.Questions) (tool.Answers, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, missing := tool.Answers{}, tool.Questions{}
	for name, q := range questions {
		if a := r.answer(name, q); a != nil {
			found[name] = a
		} else {
			missing[name] = q
		}
	}
	if len(missing) > 0 {
		return nil, &tool.InputRequired{Questions: missing}
	}
	return found, nil
}

func (r *rounds) answer(name string, q tool.Question) stdjson.RawMessage {
	question := digest(q)
	if a, ok := r.answered[name]; ok && a.Question == question {
		return a.Answer
	}
	given, ok := r.given[name]
	if !ok || r.asked != nil && r.asked[name] != question || !validAnswer(q, given) {
		return nil
	}
	r.answered[name] = answered{Question: question, Answer: given}
	r.size += len(given)
	return given
}

func digest(q tool.Question) string {
	sum := sha256.Sum256(appendQuestion(nil, q))
	return hex.EncodeToString(sum[:16])
}

// inputRequired encodes the result that asks the client.
func (h *Handler) inputRequired(x *exchange, questions tool.Questions) (*answer, *rpcError) {
	state, err := h.sealState(x, questions)
	if err != nil {
		return nil, err
	}
	b := h.buffers.get()
	b.b = append(appendEnvelope(b.b, x.msg.id), `,"result":{"resultType":"input_required","inputRequests":{`...)
	for i, name := range slices.Sorted(maps.Keys(questions)) {
		if i > 0 {
			b.b = append(b.b, ',')
		}
		b.b = append(tool.AppendString(b.b, name), ':')
		b.b = appendQuestion(b.b, questions[name])
	}
	b.b = tool.AppendString(append(b.b, `},"requestState":`...), state)
	b.b = append(append(b.b, h.info.meta...), `}}`...)
	return &answer{status: http.StatusOK, head: b}, nil
}

func (h *Handler) sealState(x *exchange, questions tool.Questions) (string, *rpcError) {
	r := x.rounds
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > maxAnswers {
		return "", invalidParams("The answers are too large to ask for more")
	}
	state := roundState{Until: h.cfg.Now().Add(stateLife).Unix(), Answered: r.answered, Asked: map[string]string{}}
	for name, q := range questions {
		state.Asked[name] = digest(q)
	}
	text, err := stdjson.Marshal(state)
	if err != nil || h.cfg.Seal == nil {
		return "", internalError("Internal error", x.requestID)
	}
	return h.cfg.Seal.Seal(string(text), statePlace(x)), nil
}
