package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// Relay reaches the other instances of the gateway.
type Relay interface {
	// Instance is the id of this one.
	Instance() string
	// Ask asks another instance. That nobody answers is a NotFound fault.
	Ask(ctx context.Context, instance, topic string, payload []byte) ([]byte, error)
	// Answer sets who answers what the others ask. The context ends when who
	// asks gives up.
	Answer(topic string, answer func(ctx context.Context, payload []byte) []byte)
	// Publish tells all others, of whom none may be there. Hear sets who hears
	// what they tell, without waiting for anything.
	Publish(ctx context.Context, topic string, payload []byte) error
	Hear(topic string, received func(payload []byte))
}

// topicMessage is a message for an HTTP+SSE session of the instance asked. The
// question is a posted as one line of JSON and the message as it was sent; the
// answer is an outcome.
const topicMessage = "mcp.message"

// relay hands a message to the instance that holds its session. What cannot be
// parsed does not travel.
func (h *Handler) relay(w http.ResponseWriter, v *visit, instance string, p *posted) error {
	owner := p.Caller
	if owner == nil { // who that is, only the other instance knows
		owner = &identity.Principal{User: identity.UserID(p.Session)}
	}
	body, _, err := h.readMessage(w, v, owner)
	if err != nil {
		return err
	}
	defer body.free()
	question, err := encodePosted(p, body.text)
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	reply, err := h.cfg.Relay.Ask(ctx, instance, topicMessage, question)
	switch {
	case fault.Is(err, fault.NotFound), ctx.Err() != nil:
		return errNoSession
	case err != nil:
		return err
	}
	return decodeOutcome(reply)
}

// maxTravel is how old a message of another instance may be, with what their
// clocks differ by. Who can repeat what is on the bus has no longer for it, and
// nobody speaks by a role of long ago.
const maxTravel = time.Minute

var errTravel = errors.New("it was long under way, or the clocks differ")

// answerMessage delivers a message that reached another instance.
func (h *Handler) answerMessage(ctx context.Context, question []byte) []byte {
	p, text, err := decodePosted(question)
	switch {
	case err != nil:
	case h.cfg.Now().Sub(p.At).Abs() > maxTravel:
		err = fault.Wrap(fault.NotFound, errTravel, fault.Of(errNoSession).Public)
	default:
		err = h.deliver(ctx, p, func(caller *identity.Principal) (*body, *message, error) { return h.takeRelayed(ctx, text, caller) })
	}
	if cause := errors.Unwrap(err); cause != nil {
		h.cfg.Logger.WarnContext(ctx, "message from another instance refused", "request_id", p.RequestID, "err", err)
	}
	return encodeOutcome(err)
}

// takeRelayed reads a message that another instance has read before. Its
// memory is counted here too, for as long as it is worked on.
func (h *Handler) takeRelayed(ctx context.Context, text []byte, caller *identity.Principal) (*body, *message, error) {
	b := &body{text: text}
	if len(text) > httpx.SmallBody {
		if err := b.take(ctx, h.cfg.Bodies, caller, len(text)); err != nil {
			return nil, nil, err
		}
	}
	m, err := soleMessage(h.parseBody(ctx, b, caller))
	if err != nil {
		b.free()
		return nil, nil, err
	}
	return b, m, nil
}

func encodePosted(p *posted, body []byte) ([]byte, error) {
	head, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return append(append(head, '\n'), body...), nil
}

func decodePosted(question []byte) (*posted, []byte, error) {
	p := new(posted)
	head, body, _ := bytes.Cut(question, []byte{'\n'})
	return p, body, json.Unmarshal(head, p)
}

// outcome is what came of a message: nothing, or a refusal.
type outcome struct {
	Kind   fault.Kind `json:"kind"`
	Public string     `json:"public"`
}

func encodeOutcome(err error) []byte {
	if err == nil {
		return nil
	}
	f := fault.Of(err)
	b, err := json.Marshal(outcome{Kind: f.Kind, Public: f.Public})
	if err != nil {
		panic(err) // a number and a text
	}
	return b
}

func decodeOutcome(reply []byte) error {
	if len(reply) == 0 {
		return nil
	}
	var o outcome
	if err := json.Unmarshal(reply, &o); err != nil {
		return err
	}
	return fault.New(o.Kind, o.Public)
}
