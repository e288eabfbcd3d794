package limit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"
)

// Source keeps the state of buckets. An implementation applies [Decide], or
// the same rule in its own language, atomically per key.
type Source interface {
	Take(ctx context.Context, key string, now time.Time, r Rate) (Decision, error)
}

// Config is what a Limiter is made of. Now and Refused may be nil.
type Config struct {
	Source Source
	Now    func() time.Time
	// Refused is told about every refusal, for metrics.
	Refused func(bucket string)
}

// Limiter counts events in named buckets.
type Limiter struct{ cfg Config }

// New returns a limiter.
func New(cfg Config) *Limiter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Refused == nil {
		cfg.Refused = func(string) {}
	}
	return &Limiter{cfg}
}

// Take counts one event for key in bucket. All routes of one row of contract
// 14 name the same bucket.
func (l *Limiter) Take(ctx context.Context, bucket, key string, r Rate) (Decision, error) {
	if r.Count <= 0 {
		return Decision{Allowed: true, Rate: r}, nil
	}
	d, err := l.cfg.Source.Take(ctx, bucket+":"+bounded(key), l.cfg.Now(), r)
	if err == nil && !d.Allowed {
		l.cfg.Refused(bucket)
	}
	return d, err
}

// bounded shortens long keys: some are what a caller typed, such as an e-mail.
func bounded(key string) string {
	if len(key) <= 64 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ClientKey is the key of a client address. Of an IPv6 address only the /64
// counts, because that is the least a single host is given (RFC 6177).
func ClientKey(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
