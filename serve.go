package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/config"
)

// gracefulStop is how long a stop may take (contract 11.1). Running calls are
// cancelled a little earlier, so that they can still answer.
const (
	gracefulStop = 30 * time.Second
	cancelAfter  = 25 * time.Second
)

// serve runs the gateway until ctx ends.
func serve(ctx context.Context, c *command) error {
	if err := c.noArgs(); err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	keys, err := config.EnsureKeys(cfg)
	if err != nil {
		return err
	}
	app, err := wire(ctx, cfg, keys, c)
	if err != nil {
		return err
	}
	defer app.close()
	app.announce(keys)
	// The migrations were read through buffers of megabytes, which would
	// otherwise stay for minutes.
	debug.FreeOSMemory()
	listener, err := net.Listen("tcp", cfg.Addr())
	if err != nil {
		return fmt.Errorf("listen on %s: %w (set PORT, or HOST and BASE_URL)", cfg.Addr(), err)
	}
	return app.run(ctx, listener)
}

// run serves and works in the background until ctx ends, then drains: no new
// requests, open streams end, running calls get gracefulStop to finish.
func (a *app) run(ctx context.Context, listener net.Listener) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	background := a.start(work)
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(listener) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		err = a.drain()
		<-served
	}
	stopWork() // after the last request, because requests wait for the audit log
	return errors.Join(ignoreClosed(err), background())
}

func (a *app) drain() error {
	a.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), gracefulStop)
	defer cancel()
	calls, cancelCalls := context.WithTimeout(ctx, cancelAfter)
	defer cancelCalls()
	var streams sync.WaitGroup
	streams.Go(func() { a.mcp.Shutdown(calls) })
	defer streams.Wait()
	return a.server.Shutdown(ctx)
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
