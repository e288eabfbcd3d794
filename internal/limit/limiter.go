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

// Limiter counts events in named buckets.
type Limiter struct {
	source Source
	now    func() time.Time
}

// New returns a limiter over source. A nil now means time.Now.
func New(source Source, now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{source, now}
}

// Take counts one event for key in bucket. All routes of one row of contract
// 14 name the same bucket.
func (l *Limiter) Take(ctx context.Context, bucket, key string, r Rate) (Decision, error) {
	if r.Count <= 0 {
		return Decision{Allowed: true, Rate: r}, nil
	}
	return l.source.Take(ctx, bucket+":"+bounded(key), l.now(), r)
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
