package auth

import (
	"context"
	"crypto/subtle"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// homePage is where a sign-in ends that named no other page.
const homePage = "/admin/"

// PageSignIn is a sign-in to the gateway's own pages (contract 5.2).
type PageSignIn struct {
	Slug     string
	Provider string
	Nonce    string // of the page that opened a pop-up, "" for none
	ReturnTo string // path of the page to show afterwards
	From     Client
}

// PageAnswer is what a provider's answer comes to.
type PageAnswer struct {
	User     store.LoginCandidate
	Nonce    string // as in PageSignIn
	ReturnTo string // a path below /admin/
}

func errState() error { return fault.New(fault.Invalid, "Invalid or expired OAuth2 state") }

// reasonState is the reason of contract 10 for a callback that belongs to no
// sign-in.
const reasonState = "invalid_state"

// BeginPage stores a sign-in that is bound to this browser, and returns where
// to send it.
func (s *SSO) BeginPage(ctx context.Context, w http.ResponseWriter, in PageSignIn) (string, error) {
	tenant, err := s.cfg.Store.TenantBySlug(ctx, in.Slug)
	if err != nil {
		return "", err
	}
	if !tenant.Active {
		return "", s.refusedPage(ctx, in.From, "", store.User{Tenant: tenant.ID}, errTenantDisabled())
	}
	state, browser := randomText(), randomText()
	row := store.OAuthState{
		Hash: hashToken(state), Kind: KindUI, ClientID: in.Provider, ClientState: in.Nonce, RedirectURI: returnTo(in.ReturnTo),
		CookieHash: hashToken(browser), ExpiresAt: s.cfg.Now().Add(s.cfg.States),
	}
	s.Prepare(tenant.ID, &row)
	to, err := s.Begin(ctx, Leg{Tenant: tenant, Provider: in.Provider, State: state, Row: row, From: in.From})
	if err != nil {
		return "", err
	}
	if err := s.cfg.Store.Tenant(tenant.ID).CreateOAuthState(ctx, row); err != nil {
		return "", err
	}
	s.setStateCookie(w, row.Hash, browser, int(s.cfg.States.Seconds()))
	return to, nil
}

// FinishPage turns a provider's answer into the user. Every refusal is
// recorded as login.failure.
func (s *SSO) FinishPage(ctx context.Context, w http.ResponseWriter, r *http.Request, provider string, from Client) (PageAnswer, error) {
	answer, err := readAnswer(r.URL.RawQuery)
	if err != nil {
		return PageAnswer{}, s.refusedPage(ctx, from, "", store.User{}, err)
	}
	row, err := s.takePage(ctx, r, provider, answer.Get("state"))
	if fault.Is(err, fault.NotFound) {
		return PageAnswer{}, s.refusedPage(ctx, from, reasonState, store.User{}, errState())
	}
	if err != nil {
		return PageAnswer{}, err
	}
	s.setStateCookie(w, row.Hash, "", -1)
	tenant, err := s.cfg.Store.Tenant(row.Tenant).Tenant(ctx)
	if err != nil {
		return PageAnswer{}, err
	}
	l := Leg{Tenant: tenant, Provider: provider, State: answer.Get("state"), Row: row, From: from}
	user, err := s.finishPage(ctx, l, answer)
	if err != nil {
		user.Tenant = tenant.ID
		return PageAnswer{}, s.refusedPage(ctx, from, "", user, err)
	}
	return PageAnswer{
		User:  store.LoginCandidate{User: user, TenantSlug: tenant.Slug, TenantName: tenant.Name, TenantActive: tenant.Active},
		Nonce: row.ClientState, ReturnTo: s.cfg.URLs.Path() + row.RedirectURI,
	}, nil
}

// readAnswer reads a provider's answer, in which no parameter may be sent more
// than once (RFC 6749, section 3.1): of two values, the provider or a proxy may
// have meant the other one.
func readAnswer(query string) (url.Values, error) {
	answer, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "Malformed parameters")
	}
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		if len(answer[name]) > 1 {
			return nil, fault.New(fault.Invalid, "Parameter sent more than once: "+printable(name))
		}
	}
	return answer, nil
}

func (s *SSO) finishPage(ctx context.Context, l Leg, answer url.Values) (store.User, error) {
	switch {
	case !l.Tenant.Active:
		return store.User{}, errTenantDisabled()
	case answer.Get("error") != "":
		return store.User{}, ProviderRefused(answer.Get("error"))
	}
	return s.Finish(ctx, l, answer.Get("code"))
}

// takePage uses up the sign-in that the state stands for, when it is this
// browser's. A foreign browser does not use it up, or anybody who saw the state
// could end somebody else's sign-in.
func (s *SSO) takePage(ctx context.Context, r *http.Request, provider, state string) (store.OAuthState, error) {
	row, err := s.cfg.Store.OAuthState(ctx, hashToken(state))
	if err != nil {
		return row, err
	}
	cookie, err := r.Cookie(s.stateCookie(row.Hash))
	if err != nil || row.Kind != KindUI || row.ClientID != provider ||
		subtle.ConstantTimeCompare([]byte(hashToken(cookie.Value)), []byte(row.CookieHash)) != 1 {
		return row, fault.Wrap(fault.NotFound, err, "not a sign-in of this browser")
	}
	return s.cfg.Store.Tenant(row.Tenant).TakeOAuthState(ctx, row.Hash)
}

// refusedPage returns err once it is on record. An empty reason means the text
// of err.
func (s *SSO) refusedPage(ctx context.Context, from Client, reason string, u store.User, err error) error {
	if reason == "" {
		reason = refusalReason(err)
	}
	failed := s.cfg.Audit.Record(ctx, audit.Event{
		Name: "login.failure", Tenant: u.Tenant, User: u.ID, UserEmail: u.Email, IP: from.IP, RequestID: from.RequestID,
		At: s.cfg.Now(), Metadata: map[string]any{"email": u.Email, "reason": reason},
	})
	if failed != nil {
		return failed
	}
	return err
}

func refusalReason(err error) string {
	switch text := fault.Of(err).Public; text {
	case fault.Of(errDisabled()).Public:
		return ReasonAccountDisabled
	case fault.Of(errTenantDisabled()).Public:
		return ReasonTenantDisabled
	default:
		return text
	}
}

// maxReturnTo bounds what anybody can make the gateway keep.
const maxReturnTo = 2000

// returnTo is the page to show, on this gateway whatever was asked for: only a
// path below /admin/ counts. What a browser would read differently (encoded
// dots, backslashes) does not.
func returnTo(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || len(asked) > maxReturnTo || u.Scheme != "" || u.Host != "" || u.User != nil ||
		!strings.HasPrefix(u.Path, homePage) || strings.Contains(asked, `\`) ||
		path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") {
		return homePage
	}
	return u.String()
}

// stateCookie tells the cookies of several sign-ins apart.
func (s *SSO) stateCookie(hash string) string {
	name := "mgw_sso_" + hash[:16]
	if s.cfg.URLs.secure() {
		return "__Host-" + name
	}
	return name
}

func (s *SSO) setStateCookie(w http.ResponseWriter, hash, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.stateCookie(hash), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.cfg.URLs.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// codeLife is how long a one-time code counts (contract 5.2).
const codeLife = 120 * time.Second

// sessionOfCode is the hash under which a session lies that is fetched with a
// one-time code. No cookie has it.
func sessionOfCode(code string) string { return hashToken("sso code " + code) }

// OpenForCode signs in an account that has just proved itself, for another
// page, and returns a one-time code to fetch the token with (contract 5.2).
func (a *Authenticator) OpenForCode(ctx context.Context, u store.LoginCandidate, c Client, method string) (string, error) {
	code := randomText()
	err := a.unlessOvertaken(ctx, u, c, func(tx *store.Tx) error {
		_, err := storeSignIn(ctx, tx, u, c, newSession{
			hash: sessionOfCode(code), method: method, auth: authToken, expires: tx.Now().Add(codeLife + a.cfg.Issuer.Life()),
		})
		if err != nil {
			return err
		}
		return tx.CreateSSOCode(ctx, u.ID, hashToken(code), tx.Now().Add(codeLife))
	})
	return code, err
}

// ExchangeCode uses a one-time code up and returns an access token for the
// management API.
func (a *Authenticator) ExchangeCode(ctx context.Context, code string) (string, error) {
	_, _, err := a.cfg.Store.TakeSSOCode(ctx, hashToken(code))
	var s store.LiveSession
	if err == nil {
		s, err = a.cfg.Store.LiveBySessionHash(ctx, sessionOfCode(code))
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return "", fault.Wrap(fault.Invalid, err, "Invalid or expired SSO code")
	case err != nil:
		return "", err
	}
	if err := admit(s.Live); err != nil {
		return "", err
	}
	return a.cfg.Issuer.Mint(Grant{
		Issuer: a.cfg.URLs.Base, Audience: []string{a.cfg.URLs.Management()},
		Tenant: s.Tenant, Slug: s.Slug, User: s.User, Email: s.Email, Role: s.Role, Epoch: s.Epoch, Session: s.Session.ID,
	})
}
