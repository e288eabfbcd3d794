// Package ssotest is an identity provider for tests. It speaks OpenID Connect
// as Entra ID and as a generic provider do, and the Microsoft Graph calls that
// the gateway makes, over real HTTP, and can be made to fail in every way.
package ssotest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// The client that the provider knows, and its tenant at "Microsoft".
const (
	ClientID = "gateway-client"
	Secret   = "gateway-secret-at-the-provider"
	Tenant   = "7f3a2f0e-9d0b-4a52-9a53-0f4e6a1f7c11"
)

// The endpoints, as Override names them.
const (
	Discovery = "discovery"
	Authorize = "authorize"
	Token     = "token"
	Keys      = "keys"
	Me        = "me"
	Groups    = "groups"
	UserInfo  = "userinfo"
)

// Person is somebody with an account.
type Person struct {
	ID     string // oid and sub
	Email  string
	Groups []string       // as Graph tells them
	Claims map[string]any // added to the id_token
	Info   map[string]any // added to the profile of the UserInfo endpoint
}

// Provider is a running identity provider.
type Provider struct {
	URL string

	server    *httptest.Server
	mu        sync.Mutex
	key       *signingKey
	published []*signingKey
	person    Person
	people    map[string]Person
	codes     map[string]grant
	access    map[string]Person // by access token; the application's is nobody's
	refresh   map[string]string // person's id by refresh token
	override  map[string]http.HandlerFunc
	tamper    func(claims map[string]any)
	calls     map[string]int
	offline   bool
	pageSize  int
}

// grant is a code that was given out.
type grant struct {
	person                     Person
	challenge, nonce, redirect string
}

// Start runs a provider over http until the test ends.
func Start(t testing.TB) *Provider {
	t.Helper()
	p := newProvider()
	server := httptest.NewServer(p.routes())
	t.Cleanup(server.Close)
	p.URL, p.server = server.URL, server
	return p
}

// StartTLS runs a provider over https. The process must trust its certificate:
// see TrustCertificates.
func StartTLS(t testing.TB) *Provider {
	t.Helper()
	p := newProvider()
	server := httptest.NewTLSServer(p.routes())
	t.Cleanup(server.Close)
	p.URL, p.server = server.URL, server
	return p
}

// TrustCertificates makes this process trust the certificates of StartTLS. It
// is to be called from TestMain, before anything asks for the system's roots,
// and returns what removes the file again.
func TrustCertificates() (remove func(), err error) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	dir, err := os.MkdirTemp("", "ssotest")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		return nil, err
	}
	return func() { os.RemoveAll(dir) }, os.Setenv("SSL_CERT_FILE", file)
}

func newProvider() *Provider {
	p := &Provider{
		people: map[string]Person{}, codes: map[string]grant{}, access: map[string]Person{}, refresh: map[string]string{},
		override: map[string]http.HandlerFunc{}, calls: map[string]int{}, pageSize: 100,
	}
	p.Rotate(true)
	return p
}

// Transport is how a browser that trusts the provider's certificate reaches it.
func (p *Provider) Transport() http.RoundTripper { return p.server.Client().Transport }

// Issuer is the issuer of the generic provider. Entra's is URL/Tenant/v2.0.
func (p *Provider) Issuer() string { return p.URL + "/realm" }

// Graph is the address of the Graph calls.
func (p *Provider) Graph() string { return p.URL + "/graph/v1.0" }

// SignInAs decides who the next people at the sign-in page are.
func (p *Provider) SignInAs(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = person
	p.people[person.ID] = person
}

// Remove deletes a person's account.
func (p *Provider) Remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.people, id)
}

// Rotate signs with a new key from now on; the old ones stay published for
// other instances unless withdrawn.
func (p *Provider) Rotate(publish bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = newSigningKey()
	if publish {
		p.published = append(p.published, p.key)
	}
}

// Withdraw takes every key but the current one from the key set.
func (p *Provider) Withdraw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.published = slices.DeleteFunc(p.published, func(k *signingKey) bool { return k != p.key })
}

// Override replaces an endpoint; a nil handler restores it.
func (p *Provider) Override(endpoint string, h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.override[endpoint] = h
}

// Tamper changes the claims of id_tokens before they are signed; nil stops it.
func (p *Provider) Tamper(change func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = change
}

// GiveRefreshTokens makes the provider give refresh tokens.
func (p *Provider) GiveRefreshTokens() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offline = true
}

// PageSize sets how many groups a page holds.
func (p *Provider) PageSize(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pageSize = n
}

// Calls counts the requests to an endpoint.
func (p *Provider) Calls(endpoint string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[endpoint]
}

// signingKey is an RSA key with an id.
type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

func newSigningKey() *signingKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // no randomness, no test
	}
	return &signingKey{rand.Text(), key}
}

// Status answers with a status and a body that is no JSON.
func Status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>broken", code) }
}

// Garbage answers 200 with something that is no JSON.
func Garbage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("\x00{not json")) //nolint:errcheck // the caller sees what arrived
}

// Hang answers nothing until the caller gives up.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// tokenLife is how long an id_token lives.
const tokenLife = 10 * time.Minute
