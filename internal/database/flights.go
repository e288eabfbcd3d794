package database

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// flights runs a function once for all who ask for the same key meanwhile. The
// run does not end with whoever happened to come first, but with the last who
// waits for it: nobody would have its result, and a server would be kept busy
// (contract 15.2 P4). That is what singleflight cannot do. The zero value is
// ready for use.
type flights[K comparable, T any] struct {
	mu      sync.Mutex // guards what follows, and the flights' waiting
	running map[K]*flight[T]
}

type flight[T any] struct {
	cancel  context.CancelFunc
	waiting int
	landed  chan struct{} // closed when value and err are there
	value   T
	err     error
}

// do returns what fn returns. Each caller stops waiting with its own context.
func (f *flights[K, T]) do(ctx context.Context, key K, timeout time.Duration, fn func(context.Context) (T, error)) (T, error) {
	run := f.board(ctx, key, timeout, fn)
	defer f.leave(key, run)
	select {
	case <-run.landed:
		return run.value, run.err
	case <-ctx.Done():
		var zero T
		return zero, ContextFault(ctx)
	}
}

// board joins the run under way or begins one.
func (f *flights[K, T]) board(ctx context.Context, key K, timeout time.Duration, fn func(context.Context) (T, error)) *flight[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	run := f.running[key]
	if run == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		run = &flight[T]{cancel: cancel, landed: make(chan struct{})}
		if f.running == nil {
			f.running = map[K]*flight[T]{}
		}
		f.running[key] = run
		go func() {
			defer close(run.landed)
			defer f.forget(key, run) // who comes now begins anew
			run.value, run.err = contained(ctx, fn)
		}()
	}
	run.waiting++
	return run
}

// leave ends the run when nobody waits for it any more.
func (f *flights[K, T]) leave(key K, run *flight[T]) {
	f.mu.Lock()
	run.waiting--
	last := run.waiting == 0
	if last && f.running[key] == run {
		delete(f.running, key) // in the same step, so that nobody boards what is about to end
	}
	f.mu.Unlock()
	if last {
		run.cancel()
	}
}

func (f *flights[K, T]) forget(key K, run *flight[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running[key] == run {
		delete(f.running, key)
	}
}

// contained makes an error of a panic, which would end the process on a
// goroutine of its own.
func contained[T any](ctx context.Context, fn func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v", r), "Internal Server Error")
		}
	}()
	return fn(ctx)
}
