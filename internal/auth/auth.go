// Package auth turns the credential of a request into a live
// identity.Principal, and signs people in. It decides who somebody is; what
// they may do is decided where it is done.
package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Recorder stores an audit event durably before it returns.
type Recorder interface {
	Record(ctx context.Context, e audit.Event) error
}

// Config is what an Authenticator is made of.
type Config struct {
	Store     *store.DB
	Issuer    *Issuer
	Keys      *seal.Hasher
	Passwords *seal.Passwords
	Audit     Recorder
	Limits    *limit.Limiter
	SSO       *SSO // keeps the users of identity providers up to date, nil for none
	URLs      URLs
	Log       *slog.Logger
	Now       func() time.Time

	AllowQueryKeys bool // ALLOW_QUERY_API_KEYS
	SessionIdle    time.Duration
	SessionMax     time.Duration
}

// TokenLife is how long an access token is valid.
func (a *Authenticator) TokenLife() time.Duration { return a.cfg.Issuer.Life() }

// Authenticator knows who is calling.
type Authenticator struct {
	cfg  Config
	csrf *http.CrossOriginProtection
}

// New returns an authenticator.
func New(cfg Config) (*Authenticator, error) {
	if cfg.Store == nil || cfg.Issuer == nil {
		return nil, errors.New("auth: store and issuer are needed")
	}
	csrf := http.NewCrossOriginProtection()
	// A proxy may change the Host header, which the Origin would otherwise be
	// compared with.
	if err := csrf.AddTrustedOrigin(cfg.URLs.Origin()); err != nil {
		return nil, err
	}
	return &Authenticator{cfg: cfg, csrf: csrf}, nil
}
