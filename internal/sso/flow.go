package sso

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
)

// Flow is the authorization code flow with one provider (OpenID Connect Core
// 1.0, section 3.1), with PKCE and a nonce.
type Flow struct {
	Provider string // for texts: Entra, OIDC
	Client   *http.Client
	Now      func() time.Time

	ClientID     string
	ClientSecret string
	Scopes       []string
	Endpoint     oauth2.Endpoint
}

// Tokens are what a provider gave, and what its id_token says.
type Tokens struct {
	Access  string
	Refresh string
	Claims  Claims // nil when a refresh gave no id_token
}

// Claims are the checked claims of an id_token, or those of a profile.
type Claims map[string]any

// Text returns a claim that is a text, "" otherwise.
func (c Claims) Text(name string) string {
	s, _ := c[name].(string)
	return s
}

// AuthURL returns where the person signs in (contract 5.2, Start).
func (f *Flow) AuthURL(leg Leg) string {
	return f.config(leg.Callback).AuthCodeURL(leg.State,
		oauth2.S256ChallengeOption(leg.Verifier),
		oidc.Nonce(leg.Nonce),
		oauth2.SetAuthURLParam("response_mode", "query"))
}

func (f *Flow) config(callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: f.ClientID, ClientSecret: f.ClientSecret, Endpoint: f.Endpoint, Scopes: f.Scopes, RedirectURL: callback,
	}
}

// Exchange redeems a code and checks the id_token that comes with it.
func (f *Flow) Exchange(ctx context.Context, m *Metadata, code string, leg Leg) (Tokens, error) {
	token, err := f.config(leg.Callback).Exchange(f.with(ctx), code, oauth2.VerifierOption(leg.Verifier))
	if err != nil {
		return Tokens{}, f.tokenFault(err)
	}
	claims, err := f.verify(ctx, m, token, leg.Nonce)
	return Tokens{Access: token.AccessToken, Refresh: token.RefreshToken, Claims: claims}, err
}

// Refresh uses a refresh token. The id_token that may come with it has no
// nonce (OpenID Connect Core 1.0, section 12.2).
func (f *Flow) Refresh(ctx context.Context, m *Metadata, refresh string) (Tokens, error) {
	expired := &oauth2.Token{RefreshToken: refresh, Expiry: time.Unix(1, 0)}
	token, err := f.config("").TokenSource(f.with(ctx), expired).Token()
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
		return Tokens{}, errors.Join(ErrEnded, err)
	}
	if err != nil {
		return Tokens{}, f.tokenFault(err)
	}
	out := Tokens{Access: token.AccessToken, Refresh: token.RefreshToken}
	if token.Extra("id_token") != nil {
		out.Claims, err = f.verify(ctx, m, token, "")
	}
	return out, err
}

func (f *Flow) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, f.Client)
}

// tokenFault tells a provider that is down from one that gives no token.
func (f *Flow) tokenFault(err error) error {
	var answered *oauth2.RetrieveError
	var failed *url.Error
	switch {
	case errors.As(err, &answered) && (answered.Response.StatusCode >= 500 || answered.Response.StatusCode == http.StatusTooManyRequests):
		return Unreachable(err)
	case errors.As(err, &failed):
		return Unreachable(err)
	}
	return errNoToken(f.Provider, err)
}

var (
	errNonce = errors.New("nonce does not match")
	errParty = errors.New("azp is another client")
	errAhead = errors.New("iat or nbf lies ahead of the clock, or is no number")
)

// maxSkew is how far the clock of a provider may be ahead of ours. It is what
// the oidc package allows for nbf.
const maxSkew = 5 * time.Minute

// verify checks an id_token: signature by the provider's keys, issuer,
// audience, times, nonce, authorized party and access-token hash (OpenID
// Connect Core 1.0, sections 3.1.3.7 and 3.1.3.8).
func (f *Flow) verify(ctx context.Context, m *Metadata, token *oauth2.Token, nonce string) (Claims, error) {
	raw, _ := token.Extra("id_token").(string)
	keys := &watchedKeys{KeySet: m.keys}
	verifier := oidc.NewVerifier(m.Issuer, keys, &oidc.Config{ClientID: f.ClientID, SupportedSigningAlgs: m.Algorithms, Now: f.Now})
	t, err := verifier.Verify(ctx, raw)
	if failed := (*url.Error)(nil); errors.As(keys.err, &failed) {
		return nil, Unreachable(keys.err)
	}
	if err != nil {
		return nil, errIDToken(err)
	}
	claims, err := readClaims(t)
	if err != nil {
		return nil, errIDToken(err)
	}
	if err := f.checkClaims(t, claims, nonce, token.AccessToken); err != nil {
		return nil, errIDToken(err)
	}
	return claims, nil
}

func readClaims(t *oidc.IDToken) (claims Claims, err error) {
	var raw json.RawMessage
	if err := t.Claims(&raw); err != nil {
		return nil, err
	}
	if _, err := jsonbound.Measure(raw, maxAnswerValues); err != nil {
		return nil, err
	}
	err = json.Unmarshal(raw, &claims)
	return claims, err
}

func (f *Flow) checkClaims(t *oidc.IDToken, claims Claims, nonce, access string) error {
	if nonce != "" && subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(nonce)) != 1 {
		return errNonce
	}
	if f.isAhead(claims["iat"]) || f.isAhead(claims["nbf"]) {
		return errAhead
	}
	if party := claims.Text("azp"); party != "" && party != f.ClientID {
		return errParty
	}
	if t.AccessTokenHash == "" {
		return nil
	}
	return t.VerifyAccessToken(access)
}

// isAhead reports whether a time of a token (RFC 7519, NumericDate) is in the
// future, or is no time. The oidc package does not look at iat, and reads a
// number beyond the range of int64 as one of the past.
func (f *Flow) isAhead(claim any) bool {
	if claim == nil {
		return false
	}
	seconds, isNumber := claim.(float64)
	return !isNumber || seconds > float64(f.Now().Add(maxSkew).Unix())
}

// watchedKeys keeps the error of a check, which the verifier flattens into
// text: keys that cannot be fetched are not a bad token.
type watchedKeys struct {
	oidc.KeySet
	err error
}

// VerifySignature implements oidc.KeySet.
func (w *watchedKeys) VerifySignature(ctx context.Context, jwt string) (payload []byte, err error) {
	payload, w.err = w.KeySet.VerifySignature(ctx, jwt)
	return payload, w.err
}

// AuthStyle says how the client secret is sent: as the provider wants it, and
// never in two tries, because the first one would use up the code.
func (m *Metadata) AuthStyle() oauth2.AuthStyle {
	if len(m.AuthMethods) == 0 || slices.Contains(m.AuthMethods, "client_secret_basic") {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
