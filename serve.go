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

// gracefulStop is how long a stop may take (contract 11.1), notice included:
// for that long requests are still served while GET /readyz says no, so that a
// load balancer has looked away before connections are refused. Running calls
// are cancelled a little before the end, so that they can still answer.
const (
	gracefulStop = 30 * time.Second
	notice       = 5 * time.Second
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

// run serves and works in the background until ctx ends, then drains.
func (a *app) run(ctx context.Context, listener net.Listener) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	background := a.start(work)
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(listener) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		err = a.drain(served)
	}
	stopWork() // after the last request, because requests wait for the audit log
	return errors.Join(ignoreClosed(err), background())
}

// drain gives notice and then takes no new requests: open streams end, running
// calls get what is left of gracefulStop to finish.
func (a *app) drain(served <-chan error) error {
	a.draining.Store(true)
	a.log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), gracefulStop)
	defer cancel()
	calls, cancelCalls := context.WithTimeout(ctx, cancelAfter)
	defer cancelCalls()
	if !a.cfg.Base.Loopback { // nothing balances the load of a loopback address
		select {
		case err := <-served:
			return err
		case <-time.After(notice):
		}
	}
	var streams sync.WaitGroup
	streams.Go(func() { a.mcp.Shutdown(calls) })
	defer streams.Wait()
	err := a.server.Shutdown(ctx)
	<-served
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
