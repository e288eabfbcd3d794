package auth

import (
	"context"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// Client is where a request comes from, for audit records and session lists.
type Client struct {
	IP        string
	RequestID string
	UserAgent string
}

// Attempt is a try to sign in with a password. Email is clean (CleanEmail);
// Slug may be empty (contract 2.4).
type Attempt struct {
	Email    string
	Password string
	Slug     string
	Client   Client
	Cookies  []*http.Cookie // of the request, one of which may show a known device
}

// Reasons of a refused sign-in (contract 10, login.failure).
const (
	ReasonUnknownTenant   = "unknown_tenant"
	ReasonUnknownUser     = "unknown_user_or_no_password"
	ReasonWrongPassword   = "wrong_password"
	ReasonAccountDisabled = "account_disabled"
	ReasonAmbiguous       = "ambiguous_tenant"
	ReasonTenantDisabled  = "tenant_disabled"
)

// Refused is a refused sign-in: a fault for the caller, and the truth for the
// audit log. What the caller is told never says which of them it was.
type Refused struct {
	Reason   string
	Accounts []store.LoginCandidate // the accounts concerned, if any
	Tenant   identity.TenantID      // the tenant of the slug when no account is
	Fault    *fault.Error
}

// Error returns the text for the caller.
func (r *Refused) Error() string { return r.Fault.Public + " (" + r.Reason + ")" }

// Unwrap returns the fault.
func (r *Refused) Unwrap() error { return r.Fault }

func wrongCredentials(reason string) *Refused {
	return &Refused{Reason: reason, Fault: fault.New(fault.Unauthenticated, "Invalid email or password")}
}

// CheckPassword returns the one account that the attempt opens. It costs the
// same for unknown accounts as for known ones, and a refusal is a *Refused
// that its caller records under its own event name.
func (a *Authenticator) CheckPassword(ctx context.Context, at Attempt) (store.LoginCandidate, error) {
	found, err := a.cfg.Store.LoginCandidates(ctx, at.Email, at.Slug)
	if err != nil {
		return store.LoginCandidate{}, err
	}
	if found, err = a.admitAttempt(ctx, at, found); err != nil {
		return store.LoginCandidate{}, err
	}
	local := withPassword(found)
	matches, err := a.matching(ctx, at.Password, local)
	switch {
	case err != nil:
		return store.LoginCandidate{}, err
	case len(local) == 0:
		return store.LoginCandidate{}, a.unknown(ctx, at.Slug)
	case len(matches) == 0:
		refused := wrongCredentials(ReasonWrongPassword)
		refused.Accounts = local
		return store.LoginCandidate{}, refused
	case len(matches) > 1:
		return store.LoginCandidate{}, &Refused{
			Reason: ReasonAmbiguous, Accounts: matches,
			Fault: fault.New(fault.Invalid, "Several organisations match. Send tenant_slug."),
		}
	}
	return matches[0], closed(matches[0])
}

// withPassword leaves out the accounts that sign in through SSO.
func withPassword(found []store.LoginCandidate) []store.LoginCandidate {
	var local []store.LoginCandidate
	for _, c := range found {
		if c.PasswordHash != "" {
			local = append(local, c)
		}
	}
	return local
}

// matching returns the accounts whose password it is. Without any account one
// hash is computed all the same.
func (a *Authenticator) matching(ctx context.Context, password string, accounts []store.LoginCandidate) ([]store.LoginCandidate, error) {
	if len(accounts) == 0 {
		_, _, err := a.cfg.Passwords.Verify(ctx, password, "")
		return nil, err
	}
	var matches []store.LoginCandidate
	for _, c := range accounts {
		ok, stale, err := a.cfg.Passwords.Verify(ctx, password, c.PasswordHash)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		matches = append(matches, c)
		if stale {
			a.rehash(ctx, c, password)
		}
	}
	return matches, nil
}

// rehash stores the password under the current parameters. A failure is only
// logged: the next sign-in tries again.
func (a *Authenticator) rehash(ctx context.Context, c store.LoginCandidate, password string) {
	hash, err := a.cfg.Passwords.Hash(ctx, password)
	if err == nil {
		err = a.cfg.Store.Tenant(c.Tenant).RehashPassword(ctx, c.ID, c.PasswordHash, hash)
	}
	if err != nil {
		a.cfg.Log.WarnContext(ctx, "password hash not raised to current parameters", "user", c.ID, "err", err)
	}
}

// unknown tells an unknown tenant from an unknown user, for the record only.
func (a *Authenticator) unknown(ctx context.Context, slug string) error {
	refused := wrongCredentials(ReasonUnknownUser)
	if slug == "" {
		return refused
	}
	tenant, err := a.cfg.Store.TenantBySlug(ctx, slug)
	switch {
	case err == nil:
		refused.Tenant = tenant.ID
	case fault.Is(err, fault.NotFound):
		refused.Reason = ReasonUnknownTenant
	default:
		return err
	}
	return refused
}

// closed refuses a right password for a closed account (contract 3.2: only
// then is it told).
func closed(c store.LoginCandidate) error {
	refused := &Refused{Accounts: []store.LoginCandidate{c}}
	switch {
	case !c.Active:
		refused.Reason, refused.Fault = ReasonAccountDisabled, fault.New(fault.Forbidden, "Account disabled")
	case !c.TenantActive:
		refused.Reason, refused.Fault = ReasonTenantDisabled, fault.New(fault.Forbidden, "Tenant is disabled")
	default:
		return nil
	}
	return refused
}

// Login signs in with a password and returns an access token for the
// management API and the MCP endpoints of the tenant (contract 2.1).
func (a *Authenticator) Login(ctx context.Context, at Attempt) (string, error) {
	account, err := a.checkRecorded(ctx, at)
	if err != nil {
		return "", err
	}
	// Nobody knows the token of this session: it is there to be listed and to
	// be ended, and ends with the JWT.
	s, err := a.openSession(ctx, account, at.Client, newSession{
		hash: hashToken(randomText()), method: methodPassword, auth: authToken, expires: a.cfg.Now().Add(a.cfg.Issuer.Life()),
	})
	if err != nil {
		return "", err
	}
	return a.cfg.Issuer.Mint(Grant{
		Issuer: a.cfg.URLs.Base, Audience: []string{a.cfg.URLs.Management(), a.cfg.URLs.MCP(account.TenantSlug)},
		Tenant: account.Tenant, Slug: account.TenantSlug, User: account.ID, Email: account.Email, Role: account.Role,
		Epoch: account.Epoch, Session: s.ID,
	})
}

// checkRecorded is CheckPassword with login.failure recorded.
func (a *Authenticator) checkRecorded(ctx context.Context, at Attempt) (store.LoginCandidate, error) {
	account, err := a.CheckPassword(ctx, at)
	if refused, ok := err.(*Refused); ok {
		if err := a.recordRefused(ctx, at, refused); err != nil {
			return account, err
		}
	}
	return account, err
}

// recordRefused leaves a record with every tenant concerned, or one without a
// tenant.
func (a *Authenticator) recordRefused(ctx context.Context, at Attempt, refused *Refused) error {
	event := audit.Event{
		Name: "login.failure", Tenant: refused.Tenant, IP: at.Client.IP, RequestID: at.Client.RequestID, At: a.cfg.Now(),
		Metadata: map[string]any{"email": at.Email, "reason": refused.Reason},
	}
	if len(refused.Accounts) == 0 {
		return a.cfg.Audit.Record(ctx, event)
	}
	for _, c := range refused.Accounts {
		event.Tenant, event.User, event.UserEmail = c.Tenant, c.ID, c.Email
		if err := a.cfg.Audit.Record(ctx, event); err != nil {
			return err
		}
	}
	return nil
}
