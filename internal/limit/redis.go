package limit

import (
	"context"
	_ "embed"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/redis"
)

// RedisConfig is what a Redis source is made of.
type RedisConfig struct {
	URL string // as for redis.Server
	// Hash makes of a bucket's key what others who look into the server may
	// see: keys hold addresses and e-mails.
	Hash func(key string) string
}

// Redis is a Source that all instances share. Each event is one command.
type Redis struct {
	cfg    RedisConfig
	pool   *redigo.Pool
	script *redigo.Script
}

const (
	// redisTimeout is how long a request waits for the server in all.
	redisTimeout = 500 * time.Millisecond
	// redisConns bounds the connections. A command takes a fraction of a
	// millisecond, so they are not what limits an instance.
	redisConns = 16
	// redisPrefix begins the name of every bucket.
	redisPrefix = "mcpgw:limit:"
)

//go:embed gcra.lua
var gcra string

// NewRedis returns a source at the server. It connects when there is
// something to do.
func NewRedis(cfg RedisConfig) *Redis {
	server := redis.Server{URL: cfg.URL, Timeout: redisTimeout}
	return &Redis{cfg: cfg, pool: server.Pool(redisConns, redisConns), script: redigo.NewScript(1, gcra)}
}

// Close closes the connections that nobody uses.
func (r *Redis) Close() error { return r.pool.Close() }

// Take implements Source. It goes on when the caller hangs up, so that nobody
// escapes the count that way; breaking off would cost the connection, too.
func (r *Redis) Take(ctx context.Context, key string, now time.Time, rate Rate) (Decision, error) {
	if rate.Count <= 0 {
		return Decision{Allowed: true, Rate: rate}, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), redisTimeout)
	defer cancel()
	d, err := r.run(ctx, redisPrefix+r.cfg.Hash(key), now, rate)
	if err != nil {
		return Decision{}, fault.Wrap(fault.Unavailable, err, "Redis unavailable")
	}
	return d, nil
}

// run runs the script, which the server keeps from the first time on.
func (r *Redis) run(ctx context.Context, bucket string, now time.Time, rate Rate) (Decision, error) {
	conn, err := r.pool.GetContext(ctx)
	if err != nil {
		return Decision{}, err
	}
	defer conn.Close() //nolint:errcheck // goes back to the pool
	reply, err := redigo.Values(r.script.DoContext(ctx, conn, bucket, now.Unix(), now.Nanosecond(),
		rate.cost().Nanoseconds(), rate.whole().Nanoseconds(), rate.Per.Nanoseconds()))
	if err != nil {
		return Decision{}, err
	}
	var allowed, first bool
	var debt int64
	if _, err := redigo.Scan(reply, &allowed, &debt, &first); err != nil {
		return Decision{}, err
	}
	return rate.decision(time.Duration(debt), allowed, first), nil
}
