package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// refreshPrefix begins every refresh token (contract 4.4).
const refreshPrefix = "mgw_rt_"

// The refusals of contract 4.3.
const (
	textCode           = "Invalid or expired authorization code"
	textRefresh        = "Invalid or expired refresh token"
	textPKCE           = "PKCE verification failed"
	textRedirect       = "redirect_uri mismatch"
	textAuthentication = "Authentication error"
)

func invalidGrant(text string) *refusal { return refuse(codeInvalidGrant, text) }

// tokens is the answer of the token endpoint (RFC 6749, section 5.1).
type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
}

// claim is a request to the token endpoint, and what it proves.
type claim struct {
	form     params
	audience string // the resource asked for, "" for the granted one
}

// right is what a redeemed code or refresh token gives.
type right struct {
	user                            store.User
	client, family, scope, resource string
	event                           string // contract 10
}

// spent is a code or refresh token that was just used up.
type spent struct {
	right
	replayed bool // by somebody before
	refused  *refusal
}

// token is the token endpoint (RFC 6749, section 3.2).
func (s *Server) token(v *visit) error {
	form, values, err := readForm(v.w, v.r)
	if err != nil {
		return err
	}
	v.about = map[string]any{"client_id": printable(form["client_id"]), "grant_type": printable(form["grant_type"])}
	out, err := s.redeem(v, form, values)
	if err != nil {
		return err
	}
	v.w.Header().Set("Pragma", "no-cache") // RFC 6749, section 5.1
	return httpx.Write(v.w, http.StatusOK, out)
}

func (s *Server) redeem(v *visit, form params, values url.Values) (tokens, error) {
	if err := form.require(fault.Invalid, "grant_type"); err != nil {
		return tokens{}, err
	}
	if len(form["client_id"]) > maxURI {
		return tokens{}, refuse(codeInvalidRequest, "client_id is too long")
	}
	audience, err := s.audience(v.tenant.Slug, values[resource], "")
	if err != nil {
		return tokens{}, err
	}
	c := claim{form, audience}
	switch form["grant_type"] {
	case grantCode:
		return s.redeemCode(v, c)
	case grantRefresh:
		return s.redeemRefresh(v, c)
	default:
		return tokens{}, refuse(codeGrantType, "Unsupported grant_type")
	}
}

// redeemCode exchanges a code (RFC 6749, section 4.1.3; RFC 7636, section
// 4.5). The code is used up before it is checked: a request that fails the
// checks is an attack or a bug, and neither gets a second try.
func (s *Server) redeemCode(v *visit, c claim) (tokens, error) {
	if err := c.form.require(fault.Invalid, "code", "code_verifier", "redirect_uri", "client_id"); err != nil {
		return tokens{}, err
	}
	scope, hash := s.Store.Tenant(v.tenant.ID), hashSecret(c.form["code"])
	known, err := scope.OAuthCode(v.ctx(), hash)
	if err != nil {
		return tokens{}, s.unknownCode(v, hash, err)
	}
	out, err := s.spend(v, c, known.User, func(tx *store.Tx, user store.User) (spent, error) {
		code, replayed, err := tx.TakeOAuthCode(v.ctx(), hash)
		r := right{user, code.ClientID, code.Family, code.Scope, code.Resource, "oauth.token_issued"}
		return spent{r, replayed, c.checkCode(code, user, replayed)}, err
	})
	return out, unlessFound(err, textCode)
}

// spend uses a code or refresh token up with take, and issues tokens for it or
// records why not. The user is locked first, as by everything else that
// changes what a user holds.
func (s *Server) spend(v *visit, c claim, user identity.UserID, take func(*store.Tx, store.User) (spent, error)) (tokens, error) {
	var out tokens
	var refused *refusal
	err := s.Store.Tenant(v.tenant.ID).Write(v.ctx(), func(tx *store.Tx) error {
		u, err := tx.User(v.ctx(), user)
		if err != nil {
			return err
		}
		x, err := take(tx, u)
		if err != nil {
			return err
		}
		if refused = x.refused; refused != nil {
			return s.recordLost(v, tx, c, x)
		}
		out, err = s.issue(v, tx, c, x.right)
		return err
	})
	if err == nil && refused != nil {
		return tokens{}, refused
	}
	return out, err
}

// unknownCode tells a code of another tenant from one that never was.
func (s *Server) unknownCode(v *visit, hash string, cause error) error {
	if !fault.Is(cause, fault.NotFound) {
		return cause
	}
	foreign, err := s.Store.Tenant(v.tenant.ID).ForeignOAuthCode(v.ctx(), hash)
	switch {
	case err != nil:
		return err
	case foreign:
		return invalidGrant(textAuthentication)
	}
	return invalidGrant(textCode)
}

func (c claim) checkCode(code store.OAuthCode, user store.User, replayed bool) *refusal {
	switch {
	case !user.Active || code.ClientID != c.form["client_id"]:
		return invalidGrant(textAuthentication)
	case replayed:
		return invalidGrant(textCode)
	case code.RedirectURI != c.form["redirect_uri"]:
		return invalidGrant(textRedirect)
	case !provesChallenge(c.form["code_verifier"], code.CodeChallenge):
		return invalidGrant(textPKCE)
	}
	return nil
}

// verifierForm is the form of a code_verifier (RFC 7636, section 4.1).
var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

func provesChallenge(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	computed := base64.RawURLEncoding.EncodeToString(sum[:])
	return verifierForm.MatchString(verifier) && subtle.ConstantTimeCompare([]byte(computed), []byte(challenge)) == 1
}

// redeemRefresh exchanges a refresh token for its successor (RFC 6749, section
// 6; RFC 9700, section 4.14.2). The role is renewed before the token is used
// up, so that an outage of a provider costs nobody their sign-in (contract
// 5.5).
func (s *Server) redeemRefresh(v *visit, c claim) (tokens, error) {
	if err := c.form.require(fault.Invalid, "refresh_token"); err != nil {
		return tokens{}, err
	}
	scope, hashes := s.Store.Tenant(v.tenant.ID), s.Keys.Hashes(c.form["refresh_token"])
	known, err := scope.RefreshToken(v.ctx(), hashes)
	if err != nil {
		return tokens{}, unlessFound(err, textRefresh)
	}
	if sent := c.form["client_id"]; sent != "" && sent != known.ClientID {
		return tokens{}, invalidGrant(textAuthentication)
	}
	user, err := scope.User(v.ctx(), known.User)
	switch {
	case err != nil:
		return tokens{}, unlessFound(err, textAuthentication)
	case !user.Active:
		return tokens{}, invalidGrant(textAuthentication)
	}
	if err := s.renew(v, known, user); err != nil {
		return tokens{}, err
	}
	out, err := s.spend(v, c, known.User, func(tx *store.Tx, user store.User) (spent, error) {
		token, replayed, err := tx.TakeRefreshToken(v.ctx(), hashes)
		r := right{user, token.ClientID, token.Family, token.Scope, token.Resource, "oauth.token_refreshed"}
		return spent{r, replayed, checkRefresh(user, replayed)}, err
	})
	return out, unlessFound(err, textRefresh)
}

// renew brings the role up to date, unless the token is no good anyway. A user
// who has lost their groups has to sign in again.
func (s *Server) renew(v *visit, known store.RefreshToken, user store.User) error {
	if !known.UsedAt.IsZero() || !known.RevokedAt.IsZero() {
		return nil
	}
	err := s.SSO.Renew(v.ctx(), user, v.from)
	if fault.Is(err, fault.Forbidden) {
		return &refusal{code: codeInvalidGrant, fault: fault.Of(err)}
	}
	return err
}

func checkRefresh(user store.User, replayed bool) *refusal {
	switch {
	case !user.Active:
		return invalidGrant(textAuthentication)
	case replayed:
		return invalidGrant(textRefresh)
	}
	return nil
}

// unlessFound turns "not found" into a refusal.
func unlessFound(err error, text string) error {
	if fault.Is(err, fault.NotFound) {
		return invalidGrant(text)
	}
	return err
}

// issue stores the next refresh token of the family, mints the access token
// that hangs on it, and records both. The scope is the granted one: there is
// none to widen it by.
func (s *Server) issue(v *visit, tx *store.Tx, c claim, r right) (tokens, error) {
	if c.audience != "" {
		r.resource = c.audience
	}
	raw := refreshPrefix + secret()
	hash, key := s.Keys.Hash(raw)
	if err := tx.CreateRefreshToken(v.ctx(), store.RefreshToken{
		User: r.user.ID, ClientID: r.client, Family: r.family, Hash: hash, HashKey: key,
		Scope: r.scope, Resource: r.resource, ExpiresAt: tx.Now().Add(s.RefreshLife),
	}); err != nil {
		return tokens{}, err
	}
	access, err := s.Issuer.Mint(auth.Grant{
		Issuer: s.urls.Tenant(v.tenant.Slug), Audience: []string{r.resource},
		Tenant: v.tenant.ID, Slug: v.tenant.Slug, User: r.user.ID, Email: r.user.Email, Role: r.user.Role, Epoch: r.user.Epoch,
		Scope: r.scope, Session: r.family, Client: r.client,
	})
	tx.Record(v.event(r.event, map[string]any{"client_id": r.client, "scope": r.scope}).By(identity.Principal{
		Tenant: v.tenant.ID, User: r.user.ID, Email: r.user.Email, Auth: "oauth:" + r.client,
	}))
	return tokens{Access: access, Refresh: raw, Type: "bearer", ExpiresIn: int(s.Issuer.Life().Seconds()), Scope: r.scope}, err
}

// recordLost records the refusal of a code or refresh token that was found. A
// replay also ends the family: one of the two who used it is a thief, and
// nobody can tell which (RFC 9700, section 4.14.2).
func (s *Server) recordLost(v *visit, tx *store.Tx, c claim, x spent) error {
	reason := x.refused.fault.Public
	if x.replayed {
		reason = "replay"
	}
	e := v.event("oauth.token_refused", map[string]any{"client_id": x.client, "grant_type": c.form["grant_type"], "reason": reason})
	e.User, e.UserEmail = x.user.ID, x.user.Email
	tx.Record(e)
	x.refused.recorded = true
	if !x.replayed {
		return nil
	}
	ended, err := tx.EndFamily(v.ctx(), x.family)
	if err == nil && ended > 0 {
		e.Name, e.Metadata = "oauth.token_revoked", map[string]any{"client_id": x.client, "reason": reason}
		tx.Record(e)
	}
	return err
}
