package audit

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Store keeps events durably. A batch is stored as a whole or not at all. An
// Invalid fault says that an event of the batch cannot be stored by anybody;
// every other error says that the store failed.
type Store interface {
	AppendAudit(ctx context.Context, events []Event) error
}

// Config is what a Log is made of. Stored may be nil.
type Config struct {
	Store Store
	// Stored is called for each event after its commit, in order, by the one
	// writer: it must not block.
	Stored func(Event)
	Now    func() time.Time
}

const (
	maxBatch = 512
	// queueSize is how many events may wait. Whoever comes later waits to get
	// in line, until their context ends.
	queueSize = 4 * maxBatch
	// manyRecords is from which batch on the next one waits a moment for more.
	manyRecords = 4
	moment      = 200 * time.Microsecond
	// commitTimeout bounds one commit, also while shutting down.
	commitTimeout = 10 * time.Second
)

// Log is the audit log: many callers, one writer, one commit for all that
// gathered while the last one was running. Run must run for it to do anything.
type Log struct {
	cfg     Config
	queue   chan entry
	closing chan struct{} // closed when nothing more is taken in
	stopped chan struct{} // closed when Run has returned

	gathered int // records in the last batch; used by the writer alone
}

// entry is an event with the caller that waits for it.
type entry struct {
	event Event
	done  chan error // buffered: the writer never waits for a caller
}

// New returns a log.
func New(cfg Config) *Log {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Stored == nil {
		cfg.Stored = func(Event) {}
	}
	return &Log{
		cfg:     cfg,
		queue:   make(chan entry, queueSize),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// Record returns nil once the event is durable. On any error the caller must
// act as if nothing was recorded; the event may still be stored when the
// context ended while its commit was running.
func (l *Log) Record(ctx context.Context, e Event) error {
	if err := check(e); err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = l.cfg.Now()
	}
	e, err := e.Encoded()
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "Audit metadata cannot be encoded")
	}
	waiting := entry{event: e, done: make(chan error, 1)}
	select {
	case l.queue <- waiting:
	case <-l.closing:
		return errClosed()
	case <-ctx.Done():
		return gaveUp(ctx)
	}
	select {
	case err := <-waiting.done:
		return err
	case <-l.stopped:
		return l.leftover(waiting)
	case <-ctx.Done():
		return gaveUp(ctx)
	}
}

// leftover is the outcome of an entry when the writer is gone: it may have got
// into the queue after the last look.
func (l *Log) leftover(waiting entry) error {
	select {
	case err := <-waiting.done:
		return err
	default:
		return errClosed()
	}
}

func check(e Event) error {
	if e.Name == "" || len(e.Name) > MaxEventName {
		return fault.Wrap(fault.Invalid, errors.New("audit: event name "+e.Name), "Invalid audit event name")
	}
	return nil
}

func errClosed() error { return fault.New(fault.Unavailable, "Audit log is closed") }

func gaveUp(ctx context.Context) error {
	return fault.Wrap(fault.Unavailable, context.Cause(ctx), "Audit log did not answer in time")
}

// Run writes until the context ends; then it takes nothing more in, writes
// what is queued and returns.
func (l *Log) Run(ctx context.Context) error {
	defer close(l.stopped)
	for {
		select {
		case first := <-l.queue:
			l.commit(ctx, l.gather(first))
		case <-ctx.Done():
			close(l.closing)
			l.drain(ctx)
			return nil
		}
	}
}

func (l *Log) drain(ctx context.Context) {
	for {
		select {
		case first := <-l.queue:
			l.commit(ctx, l.gather(first))
		default:
			return
		}
	}
}

// gather takes what is queued by now, after those who could run have had their
// turn to queue something. While many record at once it also waits a moment:
// a commit of eight costs little more than one of four, and whoever makes it
// into this one need not wait for the next. Few callers are never kept waiting.
func (l *Log) gather(first entry) []entry {
	runtime.Gosched()
	if l.gathered >= manyRecords {
		time.Sleep(moment)
	}
	batch := l.queued(first)
	l.gathered = len(batch)
	return batch
}

// queued returns a batch of first and what is queued.
func (l *Log) queued(first entry) []entry {
	batch := []entry{first}
	for len(batch) < maxBatch {
		select {
		case next := <-l.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch and tells its callers. One event that cannot be
// stored must not take the others with it, so such a batch is stored singly.
func (l *Log) commit(ctx context.Context, batch []entry) {
	err := l.append(ctx, batch)
	if fault.Is(err, fault.Invalid) && len(batch) > 1 {
		for i := range batch {
			l.finish(batch[i:i+1], l.append(ctx, batch[i:i+1]))
		}
		return
	}
	l.finish(batch, err)
}

func (l *Log) append(ctx context.Context, batch []entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	events := make([]Event, len(batch))
	for i := range batch {
		events[i] = batch[i].event
	}
	return l.cfg.Store.AppendAudit(ctx, events)
}

func (l *Log) finish(batch []entry, err error) {
	for _, e := range batch {
		if err == nil {
			l.cfg.Stored(e.event)
		}
		e.done <- err
	}
}
