package relay

import (
	"context"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/redis"
)

// Redis is a Transport over PUBLISH and SUBSCRIBE of a Redis server.
type Redis struct {
	server redis.Server
	pool   *redigo.Pool
}

const (
	redisTimeout = 5 * time.Second
	redisIdle    = 4 // connections that send, kept for the next text
)

// NewRedis returns a transport over the server at url, redis:// or rediss://.
// It connects when there is something to do.
func NewRedis(url string) *Redis {
	server := redis.Server{URL: url, Timeout: redisTimeout}
	return &Redis{server: server, pool: server.Pool(redisIdle, 0)}
}

// Close closes the connections that nobody uses.
func (r *Redis) Close() error { return r.pool.Close() }

// Send implements Transport.
func (r *Redis) Send(ctx context.Context, channel, text string) error {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return redisFault(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	_, err = redigo.DoContext(conn, ctx, "PUBLISH", channel, text)
	return redisFault(ctx, err)
}

// Listen implements Transport.
func (r *Redis) Listen(ctx context.Context, channels []string, ready func(), receive func(channel, text string)) error {
	conn, err := r.server.Dial(ctx)
	if err != nil {
		return redisFault(ctx, err)
	}
	hungUp := context.AfterFunc(ctx, func() { conn.Close() }) // ends a read
	defer func() {
		if hungUp() {
			conn.Close()
		}
	}()
	listener := redigo.PubSubConn{Conn: conn}
	if err := listener.Subscribe(redigo.Args{}.AddFlat(channels)...); err != nil {
		return redisFault(ctx, err)
	}
	for {
		// It waits for as long as nobody speaks; Bus notices when nothing will
		// come any more.
		switch m := listener.ReceiveWithTimeout(0).(type) {
		case error:
			return redisFault(ctx, m)
		case redigo.Subscription:
			if m.Count == len(channels) {
				ready()
			}
		case redigo.Message:
			receive(m.Channel, string(m.Data))
		}
	}
}

// redisFault tells the end of ctx from a fault of the server.
func redisFault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fault.Wrap(fault.Unavailable, err, "Redis unavailable")
}
