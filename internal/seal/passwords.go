package seal

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// params are the cost of argon2id.
type params struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// The parameters of the OWASP password storage cheat sheet
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
const (
	owaspMemory  = 19 * 1024
	owaspTime    = 2
	owaspThreads = 1

	saltBytes = 16
	hashBytes = 32

	maxMemory = 1 << 20 // KiB; what a stored hash may ask of us
	maxTime   = 64
)

// Passwords hashes and checks passwords, few at a time, so that sign-ins
// cannot starve other requests of processors and memory (contract 2.4).
type Passwords struct {
	current params
	slots   chan struct{}
}

// NewPasswords returns a Passwords that does at most slots hashes at once.
func NewPasswords(slots int) *Passwords {
	return &Passwords{
		current: params{memory: owaspMemory, time: owaspTime, threads: owaspThreads},
		slots:   make(chan struct{}, max(slots, 1)),
	}
}

// Hash returns the argon2id hash of a password in PHC form.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("seal: salt: %w", err)
	}
	sum, err := p.compute(ctx, password, salt, p.current, hashBytes)
	if err != nil {
		return "", err
	}
	return encodePHC(p.current, salt, sum), nil
}

// Verify checks a password against a hash. The empty hash of an unknown user,
// or of one without a password, costs the same time and never matches. stale
// asks for a new hash with the current parameters.
func (p *Passwords) Verify(ctx context.Context, password, hash string) (ok, stale bool, err error) {
	cost, salt, want := p.current, make([]byte, saltBytes), make([]byte, hashBytes)
	if hash != "" {
		if cost, salt, want, err = decodePHC(hash); err != nil {
			return false, false, err
		}
	}
	got, err := p.compute(ctx, password, salt, cost, len(want))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1 && hash != ""
	return ok, ok && cost != p.current, nil
}

// compute waits for a slot and hashes. The wait ends with the context; the
// hash itself takes some tens of milliseconds and does not.
func (p *Passwords) compute(ctx context.Context, password string, salt []byte, c params, size int) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, uint32(size)), nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "Too many sign-ins at once")
	}
}

var errPHC = errors.New("seal: stored password hash is malformed")

func encodePHC(c params, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		c.memory, c.time, c.threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// decodePHC reads $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func decodePHC(hash string) (c params, salt, sum []byte, err error) {
	part := strings.Split(hash, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return params{}, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return params{}, nil, nil, errPHC
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(part[4])
	sum, errSum := base64.RawStdEncoding.DecodeString(part[5])
	switch {
	case errSalt != nil, errSum != nil, len(salt) == 0, len(sum) < saltBytes, len(sum) > 2*hashBytes,
		c.threads == 0, c.time == 0, c.time > maxTime, c.memory > maxMemory:
		return params{}, nil, nil, errPHC
	}
	return c, salt, sum, nil
}
