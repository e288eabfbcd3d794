package relay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// What may become of a question.
var (
	// ErrNobody says that the instance gave no sign of life.
	ErrNobody = fault.New(fault.NotFound, "The other instance does not answer")
	// ErrFailed says that the other instance has no answer; its log tells why.
	ErrFailed = fault.New(fault.Internal, "Internal Server Error")
)

// Answerer answers a question. Its context ends when who asks gives up, and
// with Run.
type Answerer = func(ctx context.Context, payload []byte) []byte

// Answer sets who answers the questions of a topic that other instances ask.
func (b *Bus) Answer(topic string, a Answerer) { b.answerers[topic] = a }

// question is waiting for its answer.
type question struct {
	instance string
	busy     chan struct{} // room for one
	answer   chan answer   // room for one
}

type answer struct {
	payload []byte
	err     error
}

// Ask asks another instance. As long as that one says that it is at work the
// answer may take its time; ErrNobody comes after Patience without a sign.
func (b *Bus) Ask(ctx context.Context, instance, topic string, payload []byte) ([]byte, error) {
	if b.cfg.Transport == nil {
		return nil, ErrNobody
	}
	id := rand.Text()
	q := &question{instance: instance, busy: make(chan struct{}, 1), answer: make(chan answer, 1)}
	b.expect(id, q)
	defer b.forget(id)
	if err := b.send(ctx, channelOf(instance), envelope{Kind: kindAsk, Topic: topic, ID: id}, payload); err != nil {
		return nil, err
	}
	a := q.wait(ctx, b.cfg.Patience)
	if a.err != nil && !errors.Is(a.err, ErrFailed) {
		b.report(ctx, instance, envelope{Kind: kindWithdraw, ID: id}, nil)
	}
	return a.payload, a.err
}

func (q *question) wait(ctx context.Context, patience time.Duration) answer {
	silence := time.NewTimer(patience)
	defer silence.Stop()
	for {
		select {
		case a := <-q.answer:
			return a
		case <-q.busy:
			silence.Reset(patience)
		case <-silence.C:
			return answer{err: ErrNobody}
		case <-ctx.Done():
			return answer{err: ctx.Err()}
		}
	}
}

func (b *Bus) expect(id string, q *question) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[id] = q
}

func (b *Bus) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.asked, id)
}

// heard gives a sign of the other instance to who waits for it.
func (b *Bus) heard(e envelope, payload []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.asked[e.ID]
	if q == nil || q.instance != e.From {
		return
	}
	a := answer{payload: payload}
	switch e.Kind {
	case kindBusy:
		notice(q.busy)
		return
	case kindFailed:
		a = answer{err: ErrFailed}
	}
	select {
	case q.answer <- a:
	default: // answered already
	}
}

// answer works on a question of another instance, beside the listener.
func (b *Bus) answer(ctx context.Context, e envelope, payload []byte) {
	ctx, cancel := context.WithCancel(ctx)
	if !b.begin(e, cancel) {
		cancel()
		return
	}
	b.work.Go(func() {
		defer b.finish(e, cancel)
		done := make(chan struct{})
		b.work.Go(func() { b.sayBusy(ctx, e, done) })
		reply, err := b.ask(ctx, b.answerers[e.Topic], payload)
		close(done)
		kind := kindReply
		if err != nil {
			kind = kindFailed
			b.cfg.Log.ErrorContext(ctx, "question of another instance failed", "topic", e.Topic, "err", err)
		}
		b.report(ctx, e.From, envelope{Kind: kind, ID: e.ID}, reply)
	})
}

var errUnknownTopic = errors.New("nobody answers this topic")

// ask turns a panic into an error: what one message does to its handler must
// not end the whole instance.
func (b *Bus) ask(ctx context.Context, a Answerer, payload []byte) (reply []byte, err error) {
	if a == nil {
		return nil, errUnknownTopic
	}
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	return a(ctx, payload), nil
}

// sayBusy keeps who asks from giving up.
func (b *Bus) sayBusy(ctx context.Context, e envelope, done <-chan struct{}) {
	tick := time.NewTicker(b.cfg.Patience / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
			b.report(ctx, e.From, envelope{Kind: kindBusy, ID: e.ID}, nil)
		}
	}
}

// report sends what the other side should know also when ctx has ended. It
// notices by itself when that does not arrive.
func (b *Bus) report(ctx context.Context, instance string, e envelope, payload []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.Patience)
	defer cancel()
	if err := b.send(ctx, channelOf(instance), e, payload); err != nil {
		b.cfg.Log.WarnContext(ctx, "message to another instance not sent", "kind", e.Kind, "err", err)
	}
}

// begin registers work on a question, which must be new.
func (b *Bus) begin(e envelope, cancel context.CancelFunc) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answered[e.ID] != nil {
		return false
	}
	b.answered[e.ID] = cancel
	return true
}

func (b *Bus) finish(e envelope, cancel context.CancelFunc) {
	cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.answered, e.ID)
}

func (b *Bus) withdrawn(e envelope) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cancel := b.answered[e.ID]; cancel != nil {
		cancel()
	}
}
