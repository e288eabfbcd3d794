// Package loop runs background work: each job in a goroutine of its own that
// ends with its context, survives panics and is waited for.
package loop

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Group is the set of background jobs of one process.
type Group struct {
	log *slog.Logger
	wg  sync.WaitGroup
}

// NewGroup returns an empty group that logs failures to log.
func NewGroup(log *slog.Logger) *Group { return &Group{log: log} }

// Every starts a job that calls fn at once after a random part of jitter, and
// then each interval plus a random part of jitter after fn returned, so that
// replicas do not work in step and a slow run never overlaps the next. Errors
// and panics are logged and do not end the job; the end of ctx does.
func (g *Group) Every(ctx context.Context, name string, interval, jitter time.Duration, fn func(context.Context) error) {
	g.wg.Go(func() {
		pause := time.NewTimer(part(jitter))
		defer pause.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
			g.run(ctx, name, fn)
			pause.Reset(interval + part(jitter))
		}
	})
}

// Go starts fn once. Its error or panic is logged; nothing restarts it.
func (g *Group) Go(ctx context.Context, name string, fn func(context.Context) error) {
	g.wg.Go(func() { g.run(ctx, name, fn) })
}

// Wait returns when all jobs have ended.
func (g *Group) Wait() { g.wg.Wait() }

// run logs the failure here because nobody above could: a job has no caller.
func (g *Group) run(ctx context.Context, name string, fn func(context.Context) error) {
	err := guard(ctx, fn)
	if err == nil || ctx.Err() != nil {
		return
	}
	g.log.LogAttrs(ctx, slog.LevelError, "background job failed", slog.String("job", name), slog.String("error", err.Error()))
}

// guard calls fn and turns a panic into an error.
func guard(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	return fn(ctx)
}

func part(jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	return rand.N(jitter)
}
