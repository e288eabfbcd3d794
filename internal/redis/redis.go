// Package redis opens connections to the server that REDIS_URL names
// (contract 11). What is said over them is up to the packages that use it.
package redis

import (
	"context"
	"time"

	redigo "github.com/gomodule/redigo/redis"
)

// Server is a Redis server.
type Server struct {
	// URL is redis://[user:password@]host:port[/database number], or rediss://
	// for TLS with a certificate that the system trusts.
	URL string
	// Timeout bounds each step of connecting, each write and, unless a caller
	// says otherwise, each answer.
	Timeout time.Duration
}

// Dial connects.
func (s Server) Dial(ctx context.Context) (redigo.Conn, error) {
	return redigo.DialURLContext(ctx, s.URL, redigo.DialConnectTimeout(s.Timeout), redigo.DialTLSHandshakeTimeout(s.Timeout),
		redigo.DialReadTimeout(s.Timeout), redigo.DialWriteTimeout(s.Timeout))
}

const (
	// keptFor is how long a pool keeps a connection that nobody uses.
	keptFor = 5 * time.Minute
	// trustedFor is how long such a connection counts as alive. After a restart
	// of the server the next command then finds a new connection and no error.
	trustedFor = time.Second
)

// Pool returns a pool that keeps up to idle connections. It connects when
// there is something to do, and not more than busy times at once; 0 sets no
// bound.
func (s Server) Pool(idle, busy int) *redigo.Pool {
	return &redigo.Pool{
		MaxIdle: idle, MaxActive: busy, Wait: true, IdleTimeout: keptFor, DialContext: s.Dial,
		TestOnBorrowContext: func(ctx context.Context, c redigo.Conn, lastUsed time.Time) error {
			if time.Since(lastUsed) < trustedFor {
				return nil
			}
			_, err := redigo.DoContext(c, ctx, "PING")
			return err
		},
	}
}
