package sso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// rememberFor bounds how long a key that a provider has withdrawn counts.
	rememberFor = time.Hour
	// rememberMost bounds the providers that are remembered.
	rememberMost = 1000
	// maxMetadata bounds the bytes that are remembered of each.
	maxMetadata = 32 << 10
)

// Metadata is what a provider publishes about itself (OpenID Connect
// Discovery 1.0, section 3).
type Metadata struct {
	Issuer      string   `json:"issuer"`
	AuthURL     string   `json:"authorization_endpoint"`
	TokenURL    string   `json:"token_endpoint"`
	KeysURL     string   `json:"jwks_uri"`
	UserInfoURL string   `json:"userinfo_endpoint"`
	Algorithms  []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`

	keys oidc.KeySet
	read time.Time
}

// Directory reads what providers publish, and remembers it for a while.
type Directory struct {
	client *http.Client
	now    func() time.Time

	mu    sync.Mutex
	known map[string]*Metadata // by address of the document
}

// NewDirectory returns a directory that asks through client, which decides
// what may be dialled.
func NewDirectory(client *http.Client, now func() time.Time) *Directory {
	return &Directory{client: client, now: now, known: map[string]*Metadata{}}
}

// Lookup returns the document at url. One that does not pass check, which is
// about who may be its issuer, is not remembered.
func (d *Directory) Lookup(ctx context.Context, url string, check func(*Metadata) error) (*Metadata, error) {
	if m := d.remembered(url); m != nil && check(m) == nil {
		return m, nil
	}
	m, err := d.fetch(ctx, url)
	if err == nil {
		err = check(m)
	}
	if err != nil {
		return nil, Unreachable(err)
	}
	d.remember(url, m)
	return m, nil
}

func (d *Directory) remembered(url string) *Metadata {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.known[url]
	if m == nil || d.now().Sub(m.read) >= rememberFor {
		return nil
	}
	return m
}

func (d *Directory) remember(url string, m *Metadata) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= rememberMost {
		clear(d.known) // whoever signs in next asks again
	}
	d.known[url] = m
}

func (d *Directory) fetch(ctx context.Context, url string) (*Metadata, error) {
	m := &Metadata{read: d.now()}
	if err := GetJSON(ctx, d.client, url, "", m); err != nil {
		return nil, err
	}
	if m.Issuer == "" || m.KeysURL == "" {
		return nil, errors.New("the discovery document names no issuer or no keys")
	}
	if m.length() > maxMetadata {
		return nil, errors.New("the discovery document is too long to be remembered")
	}
	m.Algorithms = slices.DeleteFunc(m.Algorithms, func(a string) bool { return !slices.Contains(asymmetric(), a) })
	// The key set outlives this request, and refetches once on an unknown key.
	m.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), strict(d.client)), m.KeysURL)
	return m, nil
}

func (m *Metadata) length() int {
	n := len(m.Issuer) + len(m.AuthURL) + len(m.TokenURL) + len(m.KeysURL) + len(m.UserInfoURL)
	for _, text := range slices.Concat(m.Algorithms, m.AuthMethods) {
		n += len(text)
	}
	return n
}

// asymmetric lists the signatures that are accepted. A symmetric one would
// make the client secret, which administrators handle, a signing key.
func asymmetric() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
}

// StatusError is an answer other than 200.
type StatusError int

// Error names the status.
func (e StatusError) Error() string { return fmt.Sprintf("answered with status %d", int(e)) }

// GetJSON reads a JSON document, with a bearer token unless that is empty.
func GetJSON(ctx context.Context, client *http.Client, url, bearer string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return StatusError(resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// strict returns a client for which an answer other than 200 is a failure to
// reach the provider, so that it can be told from a bad signature.
func strict(client *http.Client) *http.Client {
	c := *client
	c.Transport = strictTransport{transportOf(client)}
	return &c
}

type strictTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t strictTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err == nil && resp.StatusCode != http.StatusOK {
		return nil, errors.Join(StatusError(resp.StatusCode), resp.Body.Close())
	}
	return resp, err
}
