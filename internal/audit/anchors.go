package audit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// AnchorInterval is the time within which a cut at the end of a chain goes
// unnoticed: for so long the newest records have no anchor (note 013).
const AnchorInterval = 10 * time.Second

// Head is where a tenant's chain ended at some time.
type Head struct {
	Tenant identity.TenantID
	Seq    int64
	Hash   string
	At     time.Time // of the record, or of the anchor that tells of it; may be zero
}

// Sink keeps heads where whoever may write the database cannot: a file, later
// a log or a bucket of its own. Anchor returns when they are durable.
type Sink interface {
	Anchor(ctx context.Context, heads []Head) error
}

// Heads tells where the chains end.
type Heads interface {
	// AuditHeads returns the heads of all chains.
	AuditHeads(ctx context.Context) ([]Head, error)
	// MovedAuditHeads returns those that this process moved since the last call.
	MovedAuditHeads() []Head
}

// Anchors carries heads from the store to a sink: all of them the first time,
// then those that have moved. It works beside the calls, never in their way.
type Anchors struct {
	heads Heads
	sink  Sink

	mu       sync.Mutex
	began    bool
	waiting  map[identity.TenantID]Head
	failures int // in a row
}

// tellAgain is after how many failures in a row another one is told: a folder
// that cannot be written must not fill the log.
const tellAgain = 60

// NewAnchors returns anchors that have written nothing yet.
func NewAnchors(heads Heads, sink Sink) *Anchors {
	return &Anchors{heads: heads, sink: sink, waiting: map[identity.TenantID]Head{}}
}

// Write anchors what has moved. Heads that could not be written are written
// with the next ones. Of failures in a row it returns the first of each ten
// minutes.
func (a *Anchors) Write(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.write(ctx)
	if err == nil {
		a.failures = 0
		return nil
	}
	a.failures++
	if a.failures%tellAgain != 1 {
		return nil
	}
	return err
}

func (a *Anchors) write(ctx context.Context) error {
	moved := a.heads.MovedAuditHeads()
	var failed error
	if !a.began {
		all, err := a.heads.AuditHeads(ctx)
		a.began, failed = err == nil, err
		moved = append(all, moved...)
	}
	for _, h := range moved {
		if h.Seq >= a.waiting[h.Tenant].Seq {
			a.waiting[h.Tenant] = h
		}
	}
	if len(a.waiting) == 0 {
		return failed
	}
	list := slices.SortedFunc(maps.Values(a.waiting), func(x, y Head) int {
		if x.Tenant < y.Tenant {
			return -1
		}
		return 1
	})
	if err := a.sink.Anchor(ctx, list); err != nil {
		return errors.Join(failed, err)
	}
	clear(a.waiting)
	return failed
}
