// Package relay lets the instances of one gateway talk to each other: an event
// goes to all others, a question to one. It carries what is useful at once and
// not missed for ever: a message may be lost with a connection, and then its
// receiver is told that it may have missed something.
package relay

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// Transport moves texts between instances.
type Transport interface {
	// Send sends the text to whoever listens to the channel now. Texts of one
	// caller arrive in order. One of more than maxEvent bytes, sealed, need
	// reach one listener only.
	Send(ctx context.Context, channel, text string) error
	// Listen calls ready once it listens to the channels and then receive for
	// every text, until its connection or ctx ends. It calls nothing after it
	// returned.
	Listen(ctx context.Context, channels []string, ready func(), receive func(channel, text string)) error
}

// Config is what a Bus is made of.
type Config struct {
	Transport Transport  // nil: this is the only instance
	Seal      *seal.Ring // nobody else can read or write what is on the bus
	Log       *slog.Logger

	// Patience is how long another instance may stay silent, Probe the pause
	// between tests of the own connection. 0 means the defaults below.
	Patience time.Duration
	Probe    time.Duration
}

const (
	defaultPatience = 5 * time.Second
	defaultProbe    = 20 * time.Second
)

// Pauses between attempts to connect.
const (
	firstPause  = 100 * time.Millisecond
	longestWait = 5 * time.Second
)

// maxEvent bounds an event, so that every transport can give it to all.
const maxEvent = 4 << 10

var errEventSize = errors.New("relay: event is too long for all instances")

// Bus is one instance's end of the bus. Subscribe and Answer come before Run;
// everything else is safe for concurrent use.
type Bus struct {
	cfg         Config
	instance    string
	subscribers map[string][]Subscriber
	answerers   map[string]Answerer
	echo        chan struct{}  // a probe came back
	work        sync.WaitGroup // the answers in the making
	connected   chan struct{}  // closed when the instance first listens
	connect     func()         // closes connected
	listening   atomic.Bool

	mu       sync.Mutex
	asked    map[string]*question          // by this instance
	answered map[string]context.CancelFunc // for others
}

// Subscriber takes the events of one topic. Its functions must not block: the
// whole bus waits for them.
type Subscriber struct {
	Received func(payload []byte)
	// Missed is called when events may have been lost: whenever the instance
	// has begun to listen, again or for the first time.
	Missed func()
}

// instanceBytes make an instance's id.
const instanceBytes = 8

// New returns the bus of an instance with a new random id.
func New(cfg Config) *Bus {
	cfg.Patience = cmp.Or(cfg.Patience, defaultPatience)
	cfg.Probe = cmp.Or(cfg.Probe, defaultProbe)
	var id [instanceBytes]byte
	rand.Read(id[:])
	connected := make(chan struct{})
	return &Bus{
		cfg: cfg, instance: hex.EncodeToString(id[:]), echo: make(chan struct{}, 1),
		connected: connected, connect: sync.OnceFunc(func() { close(connected) }),
		subscribers: map[string][]Subscriber{}, answerers: map[string]Answerer{},
		asked: map[string]*question{}, answered: map[string]context.CancelFunc{},
	}
}

// Instance is the id of this instance, in lower-case hex.
func (b *Bus) Instance() string { return b.instance }

// Connected is closed once the others can reach this instance.
func (b *Bus) Connected() <-chan struct{} { return b.connected }

// Listening reports whether the others can reach this instance now.
func (b *Bus) Listening() bool { return b.listening.Load() }

// Subscribe adds a subscriber to the events of a topic.
func (b *Bus) Subscribe(topic string, s Subscriber) {
	b.subscribers[topic] = append(b.subscribers[topic], s)
}

// Hear is Subscribe for who can do without what was missed.
func (b *Bus) Hear(topic string, received func(payload []byte)) {
	b.Subscribe(topic, Subscriber{Received: received, Missed: func() {}})
}

// everyone is the channel of events. The other channels are of one instance
// each.
const everyone = "mcpgw_all"

func channelOf(instance string) string { return "mcpgw_" + instance }

// Publish tells the other instances.
func (b *Bus) Publish(ctx context.Context, topic string, payload []byte) error {
	if len(payload) > maxEvent {
		return fault.Wrap(fault.Internal, errEventSize, "Internal Server Error")
	}
	return b.send(ctx, everyone, envelope{Kind: kindEvent, Topic: topic}, payload)
}

// send does nothing for an only instance: there is nobody to hear.
func (b *Bus) send(ctx context.Context, channel string, e envelope, payload []byte) error {
	if b.cfg.Transport == nil {
		return nil
	}
	e.From = b.instance
	return b.cfg.Transport.Send(ctx, channel, b.wrap(channel, e, payload))
}

// Run listens until ctx ends, on one connection after the other, and waits for
// the answers in the making.
func (b *Bus) Run(ctx context.Context) error {
	if b.cfg.Transport == nil {
		b.connect() // to all of nobody
		return nil
	}
	defer b.work.Wait()
	pause := firstPause
	for {
		connected, err := b.listen(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if connected {
			pause = firstPause
		}
		b.cfg.Log.WarnContext(ctx, "other instances cannot be heard, connecting again", "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longestWait)
	}
}

// listen serves one connection. connected tells whether it came about.
func (b *Bus) listen(ctx context.Context) (connected bool, err error) {
	connection, lost := context.WithCancelCause(ctx)
	var probing sync.WaitGroup
	ready := func() {
		connected = true
		b.listening.Store(true)
		b.connect()
		b.missed()
		probing.Go(func() { b.probe(connection, lost) })
	}
	channels := []string{everyone, channelOf(b.instance)}
	receive := b.receiver(ctx)
	err = b.cfg.Transport.Listen(connection, channels, ready, receive)
	b.listening.Store(false)
	lost(nil)
	probing.Wait()
	if cause := context.Cause(connection); !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return connected, err
}

func (b *Bus) missed() {
	for _, subscribers := range b.subscribers {
		for _, s := range subscribers {
			s.Missed()
		}
	}
}

var errSilent = errors.New("relay: a message to ourselves did not come back; does a pooler stand before the database?")

// probe sends a message to this very instance again and again. That finds a
// connection that died unnoticed, and a pooler that swallows notifications.
func (b *Bus) probe(ctx context.Context, lost context.CancelCauseFunc) {
	for {
		if err := b.probeOnce(ctx); err != nil {
			lost(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(b.cfg.Probe):
		}
	}
}

// probeOnce says nothing when its message could not even be sent: that goes
// another way, and the listening connection may be well.
func (b *Bus) probeOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	if err := b.send(ctx, channelOf(b.instance), envelope{Kind: kindEcho}, nil); err != nil {
		return nil
	}
	select {
	case <-b.echo:
		return nil
	case <-ctx.Done():
		return errSilent
	}
}

// receiver returns what takes the texts of one connection. What cannot be
// opened is of another gateway on the same server, or of an instance with
// another key, which is worth one line.
func (b *Bus) receiver(ctx context.Context) func(channel, text string) {
	strange := sync.OnceFunc(func() {
		b.cfg.Log.WarnContext(ctx, "a message between instances cannot be opened; do all have the same ENCRYPTION_KEY?")
	})
	return func(channel, text string) {
		e, payload, err := b.unwrap(channel, text)
		if err != nil {
			strange()
			return
		}
		b.receive(ctx, e, payload)
	}
}

// receive takes one message. It does not wait for anything.
func (b *Bus) receive(ctx context.Context, e envelope, payload []byte) {
	switch e.Kind {
	case kindEcho:
		notice(b.echo)
	case kindEvent:
		if e.From == b.instance {
			return
		}
		for _, s := range b.subscribers[e.Topic] {
			s.Received(payload)
		}
	case kindAsk:
		b.answer(ctx, e, payload)
	case kindWithdraw:
		b.withdrawn(e)
	case kindBusy, kindReply, kindFailed:
		b.heard(e, payload)
	}
}

// notice leaves one notice in a channel with room for one.
func notice(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default: // one is already waiting to be read
	}
}
