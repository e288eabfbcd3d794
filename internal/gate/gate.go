// Package gate is the one path to every tool. Its Call is a fixed sequence:
// authorise, limit, validate, execute, mask, audit. Doors differ only before
// and after it, and nothing a tool does can skip a step.
package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Recorder stores an audit event durably before it returns.
type Recorder interface {
	Record(ctx context.Context, e audit.Event) error
}

// Limiter says whether the caller may call a tool now. A refusal is a
// RateLimited fault with the contract's text.
type Limiter interface {
	TakeTool(ctx context.Context, c Caller) error
}

// Slots bounds how many calls of one key run at once. A refusal is a
// RateLimited fault.
type Slots interface {
	Acquire(ctx context.Context, key string) (release func(), err error)
}

// Masker changes what of a result its reader may see, before it is recorded
// as delivered.
type Masker interface {
	Mask(ctx context.Context, p identity.Principal, t *tool.Tool, r *tool.Result) error
}

// Observer is told about every finished call, for metrics.
type Observer interface {
	ToolCall(kind, outcome string, took time.Duration)
}

// Config is what a Gate is made of. Limiter, Slots, Memory, Masker and Observer
// may be nil.
type Config struct {
	Catalog  *Catalog
	Recorder Recorder
	Limiter  Limiter
	Slots    Slots  // by tenant
	Memory   Memory // by tenant and user
	Masker   Masker
	Observer Observer
	Logger   *slog.Logger
	Now      func() time.Time
}

// Gate decides about and records every tool call.
type Gate struct{ cfg Config }

// New returns a gate.
func New(cfg Config) *Gate { return &Gate{cfg: cfg} }

// Catalog returns the tools that the gate decides about.
func (g *Gate) Catalog() *Catalog { return g.cfg.Catalog }

// Caller is who calls and where from.
type Caller struct {
	Principal identity.Principal
	IP        string
	RequestID string
	Client    tool.Client // the client that calls, nil if a tool cannot speak to it
	// Again reads the caller afresh, for calls that may wait for their client.
	// Nil for those that never do.
	Again func(ctx context.Context) (identity.Principal, error)
	// Invalid is what the door found wrong with the call beside its arguments,
	// "" for nothing. Such a call is refused and recorded as one with bad
	// arguments is.
	Invalid string
	// Keep is handed what gives back the memory of a large result, to be called
	// once that has been sent. With a nil Keep it is given back when the call
	// returns.
	Keep func(release func())

	via  string // the tool that makes this call, for a call inside a call
	room *room  // its own
}

// recordTimeout bounds how long a finished call waits for its audit record,
// also after its caller went away.
const recordTimeout = 10 * time.Second

// Call runs one tool for the caller. args is a JSON object, nil for none. On
// every way out exactly one audit record has been stored first; when it could
// not be, the result is withheld. An error is always a *Refusal.
func (g *Gate) Call(ctx context.Context, c Caller, name string, args json.RawMessage) (*tool.Result, error) {
	return g.run(ctx, g.newCall(c, name, args))
}

// CallOffer is Call for what is no tool to a client, by the name that
// PromptName, ResourceName or CompletionName gives it. Offers have a method of
// their own so that a client cannot reach one by naming it as a tool.
func (g *Gate) CallOffer(ctx context.Context, c Caller, name string, args json.RawMessage) (*tool.Result, error) {
	run := g.newCall(c, name, args)
	run.offer = true
	return g.run(ctx, run)
}

func (g *Gate) newCall(c Caller, name string, args json.RawMessage) *call {
	if c.via == "" {
		c.room = newRoom(g.cfg.Memory, &c.Principal)
	}
	return &call{gate: g, caller: c, name: name, args: args, start: g.cfg.Now(), room: c.room}
}

func (g *Gate) run(ctx context.Context, run *call) (*tool.Result, error) {
	result, refusal := run.do(ctx)
	if err := run.record(ctx, result, refusal.forRecord()); err != nil {
		g.cfg.Logger.ErrorContext(ctx, "audit record failed, result withheld", "tool", run.name, "request_id", run.caller.RequestID, "err", err)
		refusal = &Refusal{Outcome: AuditLost, Text: "Error: audit log unavailable", Err: err}
	}
	run.vacate(refusal)
	g.observe(run, refusal)
	if refusal != nil {
		return nil, refusal
	}
	return result, nil
}

func (g *Gate) observe(run *call, refusal *Refusal) {
	if g.cfg.Observer == nil {
		return
	}
	outcome, kind := Done, "unknown"
	if refusal != nil {
		outcome = refusal.forRecord().Outcome
	}
	if run.rule != nil {
		kind = string(run.rule.Tool.Kind)
	}
	g.cfg.Observer.ToolCall(kind, outcome.String(), g.cfg.Now().Sub(run.start))
}

// call is one run through the sequence. It is used by one goroutine.
type call struct {
	gate   *Gate
	caller Caller
	name   string
	args   json.RawMessage
	start  time.Time
	offer  bool  // name is that of an offer
	room   *room // of the outermost call

	rule   *Rule          // nil until authorised or refused
	detail map[string]any // what Prepare said would be done
}

func (c *call) do(ctx context.Context) (*tool.Result, *Refusal) {
	if refusal := c.authorise(ctx); refusal != nil {
		return nil, refusal
	}
	if refusal := c.limit(ctx); refusal != nil {
		return nil, refusal
	}
	if refusal := c.validate(); refusal != nil {
		return nil, refusal
	}
	release, refusal := c.acquire(ctx)
	if refusal != nil {
		return nil, refusal
	}
	defer release()
	timeout := c.rule.Tool.Timeout
	if timeout <= 0 {
		timeout = tool.DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errToolTimeout)
	defer cancel()
	action, err := c.prepare(ctx)
	c.detail = action.Detail
	if err != nil {
		return nil, prepareRefusal(err)
	}
	result, err := c.execute(ctx, action.Run)
	if err != nil {
		if refusal := c.room.refusal(); refusal != nil {
			return nil, refusal
		}
		c.logCause(ctx, err)
		return nil, runRefusal(ctx, err, timeout)
	}
	if refusal := c.mask(ctx, result); refusal != nil {
		return nil, refusal
	}
	return c.fit(ctx, result, timeout)
}

// authorise finds the tool and decides whether the caller's role may call it.
// A tool that the caller may not know of is answered as one that does not exist
// (contract 8.2, step 1, and 15.2 A26); only the record tells them apart.
func (c *call) authorise(ctx context.Context) *Refusal {
	role := c.caller.Principal.Role
	rule, err := c.find(ctx, c.caller.Principal)
	switch {
	case err != nil:
		return c.internal(ctx, err)
	case rule == nil:
		return c.refuseUnknown()
	}
	c.rule = rule
	if !c.caller.Principal.IsZero() && rule.Allows(role) {
		return nil
	}
	denied := &Refusal{Outcome: Denied, Text: rule.denied()}
	if rule.Visible(role) {
		return denied
	}
	unknown := c.refuseUnknown()
	unknown.actual = denied
	return unknown
}

func (c *call) refuseUnknown() *Refusal {
	kind, name := c.asked()
	return &Refusal{Outcome: Unknown, Text: "Unknown " + kind + ": " + name}
}

func (c *call) find(ctx context.Context, p identity.Principal) (*Rule, error) {
	if c.offer {
		return c.gate.cfg.Catalog.Offer(ctx, p, c.name)
	}
	return c.gate.cfg.Catalog.Rule(ctx, p, c.name)
}

// asked says what was asked for, whether it exists or not.
func (c *call) asked() (kind, name string) {
	if c.offer {
		kind, name, _ = strings.Cut(c.name, ":")
		return kind, name
	}
	return "tool", c.name
}

// limit spares calls inside a call: the outer one was counted.
func (c *call) limit(ctx context.Context) *Refusal {
	if c.gate.cfg.Limiter == nil || c.caller.via != "" {
		return nil
	}
	err := c.gate.cfg.Limiter.TakeTool(ctx, c.caller)
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.RateLimited):
		return &Refusal{Outcome: Limited, Text: fault.Of(err).Public, Err: err}
	default:
		return c.internal(ctx, err)
	}
}

// acquire takes one of the tenant's slots, so that the slow calls of one
// tenant do not take everybody's workers (contract 15.2 P3). A call inside a
// call runs in the outer one's slot: waiting for a second could never end.
func (c *call) acquire(ctx context.Context) (release func(), refusal *Refusal) {
	if c.gate.cfg.Slots == nil || c.caller.via != "" {
		return func() {}, nil
	}
	release, err := c.gate.cfg.Slots.Acquire(ctx, string(c.caller.Principal.Tenant))
	switch {
	case err == nil:
		return release, nil
	case fault.Is(err, fault.RateLimited):
		return nil, &Refusal{Outcome: Limited, Text: fault.Of(err).Public, Err: err}
	default:
		return nil, &Refusal{Outcome: Failed, Text: "Error: cancelled", Err: err}
	}
}

func (c *call) validate() *Refusal {
	if c.caller.Invalid != "" {
		return &Refusal{Outcome: Rejected, Text: c.caller.Invalid}
	}
	if len(c.args) == 0 {
		c.args = json.RawMessage("{}")
	}
	var value any
	if err := json.Unmarshal(c.args, &value); err != nil {
		return &Refusal{Outcome: Rejected, Text: "Input validation error: " + decodeText(err), Err: err}
	}
	if !c.rule.flat.accepts(value) {
		if err := c.rule.schema.Validate(value); err != nil {
			return &Refusal{Outcome: Rejected, Text: "Input validation error: " + validationText(err), Err: err}
		}
	}
	c.args = wholeNumbers(c.args)
	return nil
}

func (c *call) prepare(ctx context.Context) (action tool.Action, err error) {
	defer c.recovered(ctx, &err)
	env := tool.Env{Principal: c.caller.Principal, Call: c.inner, Client: c.client(), Room: c.room.take}
	return c.rule.Tool.Prepare(ctx, env, c.args)
}

// execute runs the action beside the caller, so that an action which ignores
// its context still cannot hold the call longer than its timeout.
func (c *call) execute(ctx context.Context, run func(context.Context) (*tool.Result, error)) (*tool.Result, error) {
	type outcome struct {
		result *tool.Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		growStack()
		var o outcome
		defer func() { done <- o }()
		defer c.recovered(ctx, &o.err)
		o.result, o.err = run(ctx)
		if o.result == nil && o.err == nil {
			o.err = errors.New("tool returned neither a result nor an error")
		}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-done: // a tool that obeys its context says more than we could
		return o.result, o.err
	case <-time.After(abandonAfter):
		return nil, ctx.Err()
	}
}

// growStack gives a new goroutine at once the stack that most tools need.
// Growing step by step moves it several times, with all that is on it by then.
//
//go:noinline
func growStack() {
	var room [8 << 10]byte
	runtime.KeepAlive(&room)
}

// abandonAfter is how long a tool may take to notice that its context ended.
const abandonAfter = 2 * time.Second

// recovered turns a panic of a tool into an error of this one call.
func (c *call) recovered(ctx context.Context, err *error) {
	if v := recover(); v != nil {
		c.gate.cfg.Logger.ErrorContext(ctx, "tool panicked", "tool", c.name, "request_id", c.caller.RequestID,
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		*err = fmt.Errorf("tool panicked: %v", v)
	}
}

func (c *call) mask(ctx context.Context, r *tool.Result) *Refusal {
	if c.gate.cfg.Masker == nil {
		return nil
	}
	if err := c.gate.cfg.Masker.Mask(ctx, c.caller.Principal, &c.rule.Tool, r); err != nil {
		return c.internal(ctx, err) // what cannot be masked is not shown
	}
	return nil
}

// inner is Env.Call: another tool, as the same principal, through the gate.
func (c *call) inner(ctx context.Context, name string, args any) (*tool.Result, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encode arguments of %q: %w", name, err)
	}
	caller := c.caller
	caller.via, caller.Client, caller.room, caller.Keep = c.name, nil, c.room, nil
	return c.gate.Call(ctx, caller, name, raw)
}

// logCause logs what the caller is not told, once. A refusal of an inner call
// was logged there; asking the client is no failure, nor is an address at
// which there is nothing.
func (c *call) logCause(ctx context.Context, err error) {
	var inner *Refusal
	if f := fault.Of(err); f.Cause == nil || errors.As(err, &inner) || tool.IsQuestion(err) || errors.Is(err, tool.ErrNoResource) || ctx.Err() != nil {
		return
	}
	c.gate.cfg.Logger.WarnContext(ctx, "tool failed", "tool", c.name, "request_id", c.caller.RequestID, "err", err)
}

// internal reports a fault of the gateway's own: the cause is logged, the
// caller learns only that it happened.
func (c *call) internal(ctx context.Context, err error) *Refusal {
	c.gate.cfg.Logger.ErrorContext(ctx, "tool call failed", "tool", c.name, "request_id", c.caller.RequestID, "err", err)
	return &Refusal{Outcome: Failed, Text: "Error: Internal Server Error", Err: err}
}
