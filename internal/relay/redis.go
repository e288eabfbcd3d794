package relay

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Redis is a Transport over PUBLISH and SUBSCRIBE of a Redis server.
type Redis struct {
	url  string
	pool *redis.Pool
}

// The bounds of a conversation with the server. A listener reads for as long
// as nobody speaks; Bus notices when nothing will come any more.
const (
	redisTimeout = 5 * time.Second
	redisIdle    = 5 * time.Minute
)

// NewRedis returns a transport over the server at url, redis:// or rediss://.
// It connects when there is something to do.
func NewRedis(url string) *Redis {
	r := &Redis{url: url}
	r.pool = &redis.Pool{
		MaxIdle: 4, IdleTimeout: redisIdle,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return r.dial(ctx, redis.DialReadTimeout(redisTimeout))
		},
	}
	return r
}

// Close closes the connections that nobody uses.
func (r *Redis) Close() error { return r.pool.Close() }

func (r *Redis) dial(ctx context.Context, reading redis.DialOption) (redis.Conn, error) {
	return redis.DialURLContext(ctx, r.url, reading, redis.DialConnectTimeout(redisTimeout), redis.DialWriteTimeout(redisTimeout))
}

// Send implements Transport.
func (r *Redis) Send(ctx context.Context, channel, text string) error {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return redisFault(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	_, err = redis.DoContext(conn, ctx, "PUBLISH", channel, text)
	return redisFault(ctx, err)
}

// Listen implements Transport.
func (r *Redis) Listen(ctx context.Context, channels []string, ready func(), receive func(channel, text string)) error {
	conn, err := r.dial(ctx, redis.DialReadTimeout(0))
	if err != nil {
		return redisFault(ctx, err)
	}
	hungUp := context.AfterFunc(ctx, func() { conn.Close() }) // ends Receive
	defer func() {
		if hungUp() {
			conn.Close()
		}
	}()
	listener := redis.PubSubConn{Conn: conn}
	if err := listener.Subscribe(redis.Args{}.AddFlat(channels)...); err != nil {
		return redisFault(ctx, err)
	}
	for {
		switch m := listener.Receive().(type) {
		case error:
			return redisFault(ctx, m)
		case redis.Subscription:
			if m.Count == len(channels) {
				ready()
			}
		case redis.Message:
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
