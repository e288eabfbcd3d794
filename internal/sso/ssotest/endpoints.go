package ssotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(endpoint, pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, p.counted(endpoint, h)) }
	for _, at := range []struct{ issuer, metadata, authorize, token, keys string }{
		{"/{tenant}/v2.0", "/{tenant}/v2.0", "/{tenant}/oauth2/v2.0/authorize", "/{tenant}/oauth2/v2.0/token", "/{tenant}/discovery/v2.0/keys"},
		{"/realm", "/realm", "/realm/authorize", "/realm/token", "/realm/keys"},
	} {
		issuer := func(path string) func(*http.Request) string {
			return func(r *http.Request) string {
				return p.URL + strings.ReplaceAll(path, "{tenant}", strings.ReplaceAll(r.PathValue("tenant"), "common", "{tenantid}"))
			}
		}(at.issuer)
		fill := func(r *http.Request, path string) string {
			return p.URL + strings.ReplaceAll(path, "{tenant}", r.PathValue("tenant"))
		}
		handle(Discovery, "GET "+at.metadata+"/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
			answer(w, map[string]any{
				"issuer": issuer(r), "authorization_endpoint": fill(r, at.authorize), "token_endpoint": fill(r, at.token),
				"jwks_uri": fill(r, at.keys), "userinfo_endpoint": p.URL + "/realm/userinfo",
				"id_token_signing_alg_values_supported": []string{"RS256", "HS256"},
			})
		})
		handle(Authorize, "GET "+at.authorize, p.authorize)
		handle(Token, "POST "+at.token, func(w http.ResponseWriter, r *http.Request) { p.token(w, r, issuer(r)) })
		handle(Keys, "GET "+at.keys, p.keys)
	}
	handle(UserInfo, "GET /realm/userinfo", p.userInfo)
	handle(Me, "GET /graph/v1.0/me", p.me)
	handle(Groups, "GET /graph/v1.0/me/transitiveMemberOf", p.ownGroups)
	handle(Groups, "GET /graph/v1.0/users/{id}/transitiveMemberOf/microsoft.graph.group", p.groupsOf)
	return mux
}

// counted counts the request and lets an override answer it.
func (p *Provider) counted(endpoint string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.calls[endpoint]++
		if o := p.override[endpoint]; o != nil {
			p.mu.Unlock()
			o(w, r)
			return
		}
		p.mu.Unlock()
		h(w, r)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the caller sees what arrived
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": code}) //nolint:errcheck // the caller sees what arrived
}

// authorize signs the current person in and sends the browser back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, name := range []string{"state", "nonce", "code_challenge", "redirect_uri"} {
		if q.Get(name) == "" {
			refuse(w, http.StatusBadRequest, "missing "+name)
			return
		}
	}
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("response_mode") != "query" ||
		q.Get("code_challenge_method") != "S256" || !strings.Contains(q.Get("scope"), "openid") {
		refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = grant{p.person, q.Get("code_challenge"), q.Get("nonce"), q.Get("redirect_uri")}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "session_state": {rand.Text()}}.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request, issuer string) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != ClientID || secret != Secret {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		p.redeem(w, r, issuer)
	case "client_credentials":
		p.application(w, r)
	case "refresh_token":
		p.renew(w, r, issuer)
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type")
	}
}

func (p *Provider) redeem(w http.ResponseWriter, r *http.Request, issuer string) {
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge || r.PostFormValue("redirect_uri") != g.redirect {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	answer(w, p.tokens(g.person, issuer, g.nonce))
}

func (p *Provider) renew(w http.ResponseWriter, r *http.Request, issuer string) {
	id, ok := p.refresh[r.PostFormValue("refresh_token")]
	delete(p.refresh, r.PostFormValue("refresh_token"))
	person, there := p.people[id]
	if !ok || !there {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	answer(w, p.tokens(person, issuer, ""))
}

func (p *Provider) application(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("scope") != "https://graph.microsoft.com/.default" {
		refuse(w, http.StatusBadRequest, "invalid_scope")
		return
	}
	access := rand.Text()
	p.access[access] = Person{}
	answer(w, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600})
}

// tokens are the token endpoint's answer. The caller holds the lock.
func (p *Provider) tokens(person Person, issuer, nonce string) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": issuer, "aud": ClientID, "sub": person.ID, "oid": person.ID, "tid": Tenant,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	}
	for name, value := range map[string]string{"nonce": nonce, "email": person.Email} {
		if value != "" {
			claims[name] = value
		}
	}
	maps.Copy(claims, person.Claims)
	if p.tamper != nil {
		p.tamper(claims)
	}
	access := rand.Text()
	p.access[access] = person
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": p.sign(claims)}
	if p.offline {
		refresh := rand.Text()
		p.refresh[refresh] = person.ID
		out["refresh_token"] = refresh
	}
	return out
}

func (p *Provider) sign(claims map[string]any) string {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: p.key.key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", p.key.id))
	if err != nil {
		panic(err) // the key is of our own making
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err) // the claims are of our own making
	}
	return raw
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range p.published {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.key.Public(), KeyID: k.id, Algorithm: "RS256", Use: "sig"})
	}
	answer(w, set)
}

// bearer returns whose the access token of the request is.
func (p *Provider) bearer(w http.ResponseWriter, r *http.Request) (Person, bool) {
	person, ok := p.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
	}
	return person, ok
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if person, ok := p.bearer(w, r); ok {
		info := map[string]any{"sub": person.ID}
		maps.Copy(info, person.Info)
		answer(w, info)
	}
}

func (p *Provider) me(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if person, ok := p.bearer(w, r); ok {
		answer(w, map[string]any{"id": person.ID, "mail": person.Email, "userPrincipalName": "upn." + person.Email})
	}
}

func (p *Provider) ownGroups(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if person, ok := p.bearer(w, r); ok {
		p.page(w, r, person.Groups)
	}
}

func (p *Provider) groupsOf(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.bearer(w, r); !ok {
		return
	}
	person, ok := p.people[r.PathValue("id")]
	if !ok {
		refuse(w, http.StatusNotFound, "Request_ResourceNotFound")
		return
	}
	p.page(w, r, person.Groups)
}

// page answers with the groups from $skiptoken on.
func (p *Provider) page(w http.ResponseWriter, r *http.Request, groups []string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	from = min(from, len(groups))
	to := min(from+p.pageSize, len(groups))
	value := []map[string]string{}
	for _, g := range groups[from:to] {
		value = append(value, map[string]string{"@odata.type": "#microsoft.graph.group", "id": g})
	}
	out := map[string]any{"value": value}
	if to < len(groups) {
		out["@odata.nextLink"] = p.URL + r.URL.Path + "?$select=id&$skiptoken=" + strconv.Itoa(to)
	}
	answer(w, out)
}
