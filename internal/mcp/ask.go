package mcp

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Ask implements tool.Client: by the result of the call in 2026-07-28, by
// requests to the client before that (docs/design/006).
func (s *speaker) Ask(ctx context.Context, questions tool.Questions) (tool.Answers, error) {
	for _, q := range questions {
		if !s.Can(q.Needs) {
			return nil, &tool.MissingCapability{Capability: q.Needs}
		}
	}
	if s.x.version.modern() {
		return s.x.rounds.answers(questions)
	}
	return s.request(ctx, questions)
}

// request sends all questions and waits for all answers, as long as both ctx
// and the call go on.
func (s *speaker) request(ctx context.Context, questions tool.Questions) (tool.Answers, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	leave, err := s.h.asks.enter(&s.x.principal)
	if err != nil {
		return nil, err
	}
	defer leave()
	open := make(map[string]string, len(questions)) // names, by the id of the request
	defer func() { s.withdraw(ctx, open) }()
	heard := make(chan *response, len(questions))
	for name, q := range questions {
		id := s.h.asks.open(s.h.ids.next(), s.x.principal, heard)
		open[id] = name
		if err := s.x.out.send(ctx, s.h.questionMessage(id, q)); err != nil {
			return nil, err
		}
	}
	answers := make(tool.Answers, len(questions))
	for len(open) > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-heard:
			name := open[r.ID]
			delete(open, r.ID)
			if err := r.check(questions[name]); err != nil {
				return nil, err
			}
			answers[name] = r.Result
		}
	}
	return answers, nil
}

// withdraw gives up the questions that nobody waits for any more, and tells
// the client while it can be told.
func (s *speaker) withdraw(ctx context.Context, open map[string]string) {
	ctx = context.WithoutCancel(ctx)
	for id := range open {
		s.h.asks.drop(id)
		_ = s.x.out.send(ctx, s.h.withdrawal(id))
	}
}

// check reports what is wrong with the answer to the question.
func (r *response) check(q tool.Question) error {
	switch {
	case r.TooLarge:
		return fault.New(fault.BadGateway, "the client's answer is larger than 1 MiB")
	case r.Failure != nil:
		return clientError(r.Failure, q.Needs)
	case !validAnswer(q, r.Result):
		return fault.New(fault.BadGateway, "the client's answer does not have the form that was asked for")
	}
	return nil
}

// clientError reads the JSON-RPC error that a client answered with.
func clientError(raw []byte, needs tool.Capability) error {
	var e struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return fault.New(fault.BadGateway, "the client refused without saying why")
	}
	if e.Code == codeNoMethod {
		return &tool.MissingCapability{Capability: needs}
	}
	return fault.New(fault.BadGateway, "the client refused: "+clip(e.Message))
}

func (h *Handler) questionMessage(id string, q tool.Question) *answer {
	b := h.buffers.get()
	b.b = tool.AppendString(append(b.b, `{"jsonrpc":"2.0","id":`...), id)
	b.b = append(append(b.b, ','), appendQuestion(nil, q)[1:]...)
	return &answer{head: b}
}

// appendQuestion appends method and params as an object.
func appendQuestion(dst []byte, q tool.Question) []byte {
	dst = tool.AppendString(append(dst, `{"method":`...), q.Method)
	return append(appendCompact(append(dst, `,"params":`...), q.Params), '}')
}

// withdrawal tells the client that a question needs no answer any more.
func (h *Handler) withdrawal(id string) *answer {
	b := h.buffers.get()
	b.b = tool.AppendString(append(b.b, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":`...), id)
	b.b = append(b.b, `}}`...)
	return &answer{head: b}
}

// validAnswer reports whether an answer has the form that the method's results
// have, and the content of a form that of its schema. Everything in it is the
// client's word.
func validAnswer(q tool.Question, answer []byte) bool {
	if len(answer) == 0 || answer[0] != '{' {
		return false
	}
	if q.Method != "elicitation/create" {
		return true
	}
	var form struct {
		Action  string `json:"action"`
		Content any    `json:"content"`
	}
	if err := json.Unmarshal(answer, &form); err != nil {
		return false
	}
	switch form.Action {
	case "decline", "cancel":
		return true
	case "accept":
		return q.Schema == nil || matches(q.Schema, form.Content)
	default:
		return false
	}
}

func matches(schema []byte, value any) bool {
	var s jsonschema.Schema
	if err := stdjson.Unmarshal(schema, &s); err != nil {
		return false
	}
	resolved, err := s.Resolve(nil)
	return err == nil && resolved.Validate(value) == nil
}

// response is what a client answered to a request of ours, as it travels
// between instances.
type response struct {
	ID      string             `json:"id"`
	Tenant  identity.TenantID  `json:"tenant"`
	User    identity.UserID    `json:"user"`
	Result  stdjson.RawMessage `json:"result,omitempty"`
	Failure stdjson.RawMessage `json:"failure,omitempty"`
	// TooLarge is said instead of both.
	TooLarge bool `json:"too_large,omitempty"`
}

// maxResponse is how many bytes a client may answer to a question. Its call
// holds them when the request that brought them, and its memory, are gone.
const maxResponse = 1 << 20

// responseIn copies the response out of its message, whose memory ends first.
func responseIn(m *message, id string, p *identity.Principal) *response {
	r := &response{ID: id, Tenant: p.Tenant, User: p.User}
	if r.TooLarge = len(m.result)+len(m.failure) > maxResponse; !r.TooLarge {
		r.Result, r.Failure = slices.Clone(m.result), slices.Clone(m.failure)
	}
	return r
}

// pending is a question that a client has been asked.
type pending struct {
	person
	answer chan<- *response // has room for it
}

// asks are the pending questions of this process, by the id of their request.
// The zero value is ready; it is safe for concurrent use.
type asks struct {
	mu      sync.Mutex
	byID    map[string]*pending
	waiting map[person]int // calls that wait
}

// person is a user of a tenant.
type person struct {
	tenant identity.TenantID
	user   identity.UserID
}

// maxWaiting is how many calls of one user wait for answers at a time. Each
// holds one of its tenant's slots, which are four times as many, so that a
// client that never answers leaves most of them to others.
const maxWaiting = 16

var errWaiting = fault.New(fault.RateLimited, "Too many calls wait for your answers")

// enter claims a place among the calls of the principal that wait.
func (a *asks) enter(p *identity.Principal) (leave func(), err error) {
	who := person{p.Tenant, p.User}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[who] == maxWaiting {
		return nil, errWaiting
	}
	if a.waiting == nil {
		a.waiting = map[person]int{}
	}
	a.waiting[who]++
	return func() { a.leave(who) }, nil
}

func (a *asks) leave(who person) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[who]--; a.waiting[who] == 0 {
		delete(a.waiting, who)
	}
}

// open registers a question to the client of this principal and returns its
// id. That cannot be guessed, so that only who was asked can answer, and names
// this instance, so that the answer may reach another.
func (a *asks) open(id string, p identity.Principal, answer chan<- *response) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byID == nil {
		a.byID = map[string]*pending{}
	}
	a.byID[id] = &pending{person{p.Tenant, p.User}, answer}
	return id
}

func (a *asks) drop(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byID, id)
}

// deliver hands a response to who waits for it. One that answers nothing, or
// somebody else's question, is ignored: the protocol has no reply to it.
func (a *asks) deliver(r *response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byID[r.ID]
	if p == nil || p.tenant != r.Tenant || p.user != r.User {
		return
	}
	delete(a.byID, r.ID)
	p.answer <- r
}

// topicResponse is a response to a question of the instance asked.
const topicResponse = "mcp.response"

// takeResponse brings a client's response to the instance that asked.
func (h *Handler) takeResponse(ctx context.Context, x *exchange) {
	id, _ := unquote(x.msg.id)
	holder, err := h.ids.holder(id)
	if err != nil {
		return
	}
	r := responseIn(x.msg, id, &x.principal)
	if holder == h.cfg.Relay.Instance() {
		h.asks.deliver(r)
		return
	}
	payload, err := stdjson.Marshal(r)
	if err == nil {
		_, err = h.cfg.Relay.Ask(ctx, holder, topicResponse, payload)
	}
	if err != nil {
		h.cfg.Logger.WarnContext(ctx, "response for another instance lost", "request_id", x.requestID, "err", err)
	}
}

// answerResponse delivers a response that reached another instance.
func (h *Handler) answerResponse(ctx context.Context, payload []byte) []byte {
	r := new(response)
	if err := stdjson.Unmarshal(payload, r); err != nil {
		h.cfg.Logger.WarnContext(ctx, "response from another instance", "err", err)
		return nil
	}
	h.asks.deliver(r)
	return nil
}

// missingCapability is -32021 of 2026-07-28: what the client would have to
// declare.
func missingCapability(e *tool.MissingCapability) *rpcError {
	data := `{"requiredCapabilities":{` + strconv.Quote(string(e.Capability)) + `:{}}}`
	if e.Capability == tool.ElicitationURL {
		data = `{"requiredCapabilities":{"elicitation":{"url":{}}}}`
	}
	return &rpcError{status: http.StatusBadRequest, code: codeMissingAbility, message: "Missing required client capability: " + string(e.Capability), data: []byte(data)}
}

// asQuestion returns the answer to a call that ended in questions, or had
// answers that it could not have; nil for any other end.
func (h *Handler) asQuestion(x *exchange, err error) (*answer, *rpcError) {
	var waiting *tool.InputRequired
	var missing *tool.MissingCapability
	var refusal *gate.Refusal
	switch {
	case !x.version.modern():
		return nil, nil
	case x.rounds.invalid != nil && errors.As(err, &refusal) && refusal.Outcome == gate.Rejected:
		return nil, x.rounds.invalid
	case errors.As(err, &missing):
		return nil, missingCapability(missing)
	case errors.As(err, &waiting):
		return h.inputRequired(x, waiting.Questions)
	}
	return nil, nil
}
