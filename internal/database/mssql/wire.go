package mssql

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// errFlood ends a connection whose server sends more than was asked for.
var errFlood = errors.New("server sent more than the limit")

// wire is the network connection below the driver. It bounds what one exchange
// may read, because the driver reads whole rows whatever their size, and lets
// go of a server that no longer answers.
type wire struct {
	net.Conn
	left atomic.Int64 // bytes the server may still send
}

func newWire(conn net.Conn, allowed int64) *wire {
	w := &wire{Conn: conn}
	w.allow(allowed)
	return w
}

// allow sets what the next exchange may read.
func (w *wire) allow(n int64) { w.left.Store(n) }

func (w *wire) flooded() bool { return w.left.Load() <= 0 }

// Read implements [net.Conn].
func (w *wire) Read(p []byte) (int, error) {
	if w.flooded() {
		return 0, errFlood
	}
	n, err := w.Conn.Read(p)
	w.left.Add(-int64(n))
	return n, err
}

// watch gives the server patience once ctx has ended; then reads and writes
// fail. The function it returns ends the watch.
func (w *wire) watch(ctx context.Context, patience time.Duration) (stop func()) {
	done := make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = w.SetDeadline(time.Now().Add(patience))
	})
	return func() {
		if !unregister() {
			<-done
		}
		_ = w.SetDeadline(time.Time{})
	}
}
