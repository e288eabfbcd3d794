package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const (
	methodS256 = "S256"
	// maxClientState bounds the client's own state, which is only echoed.
	maxClientState = 2048
)

// challengeForm is the form of a code_challenge (RFC 7636, section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// authorize begins a sign-in and shows its page (RFC 6749, section 4.1.1).
// None of its errors redirects (contract 4.3): until the redirect URI is known
// to be the client's that would make us an open redirector, and afterwards the
// person in front of the page is the one who can tell somebody.
func (s *Server) authorize(v *visit) error {
	p, values, err := parse(v.r.URL.RawQuery)
	if err != nil {
		return err
	}
	v.about = map[string]any{"client_id": printable(p["client_id"]), "redirect_host": redirectHost(p["redirect_uri"])}
	if err := p.checkAuthorization(); err != nil {
		return err
	}
	if err := s.Redirects.check(v.tenant, p["redirect_uri"]); err != nil {
		return err
	}
	client, err := s.client(v, p["client_id"], p["redirect_uri"])
	if err != nil {
		return err
	}
	if !registered(client.RedirectURIs, p["redirect_uri"]) {
		return refuse(codeInvalidRequest, textNotRegistered)
	}
	audience, err := s.audience(v.tenant.Slug, values[resource], s.urls.MCP(v.tenant.Slug))
	if err != nil {
		return err
	}
	t, err := s.begin(v, store.OAuthState{
		Kind: auth.KindMCP, ClientID: client.ClientID, RedirectURI: p["redirect_uri"], ClientState: p["state"],
		CodeChallenge: p["code_challenge"], Scope: scopeMCP, Resource: audience,
	})
	if err != nil {
		return err
	}
	t.client = client
	return s.signInPage(v, t, "", "")
}

// checkAuthorization checks what needs neither client nor tenant. Every grant
// is for the one scope that there is, so scope decides nothing: unknown ones
// are dropped (contract 4.2).
func (p params) checkAuthorization() error {
	err := p.require(fault.Unprocessable, "response_type", "client_id", "redirect_uri", "state", "code_challenge")
	switch {
	case err != nil:
		return err
	case p["response_type"] != responseCode:
		return refuse(codeResponseType, "Only response_type=code is supported")
	case p["code_challenge_method"] != "" && p["code_challenge_method"] != methodS256:
		return refuse(codeInvalidRequest, "Only S256 code challenge method is supported")
	case len(p["state"]) > maxClientState:
		return refuse(codeInvalidRequest, "state is longer than 2048 characters")
	case len(p["client_id"]) > maxURI:
		return refuse(codeInvalidClient, textUnknownClient)
	case !challengeForm.MatchString(p["code_challenge"]):
		return refuse(codeInvalidRequest, "code_challenge must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
	}
	return nil
}

// begin stores the transaction, and binds it to this browser with a cookie of
// its own, so that several sign-ins can be open at once.
func (s *Server) begin(v *visit, row store.OAuthState) (*transaction, error) {
	t := &transaction{OAuthState: row, state: secret(), tenant: v.tenant}
	browser := secret()
	t.Hash, t.CookieHash, t.ExpiresAt = hashSecret(t.state), hashSecret(browser), s.Now().Add(s.StateLife)
	s.SSO.Prepare(v.tenant.ID, &t.OAuthState)
	if err := s.Store.Tenant(v.tenant.ID).CreateOAuthState(v.ctx(), t.OAuthState); err != nil {
		return nil, err
	}
	s.setCookie(v.w, t.Hash, browser, int(s.StateLife.Seconds()))
	return t, nil
}

func (s *Server) setCookie(w http.ResponseWriter, stateHash, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(stateHash), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// cookieName tells the cookies of several transactions apart. The __Host-
// prefix, which browsers accept on https only, keeps other hosts of the domain
// from setting it.
func (s *Server) cookieName(stateHash string) string {
	name := "mgw_oauth_" + stateHash[:16]
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// secret returns 256 random bits in 43 characters.
func secret() string {
	b := make([]byte, 32)
	rand.Read(b) //nolint:errcheck // crypto/rand never fails, it aborts the program
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashSecret is how a text of 256 random bits is kept: it cannot be guessed,
// so its hash needs no key.
func hashSecret(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
