package oauth_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/oauth"
)

// publisher serves metadata documents over https, as the site of an app does.
type publisher struct {
	*httptest.Server
	fetches atomic.Int64
	serve   func(w http.ResponseWriter, r *http.Request)
}

func newPublisher(t testing.TB) *publisher {
	t.Helper()
	p := new(publisher)
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fetches.Add(1)
		p.serve(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// publish makes the publisher serve the members at every path, with the URL
// asked for as client_id.
func (p *publisher) publish(header http.Header, members map[string]any) {
	p.serve = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, values := range header {
			w.Header()[name] = values
		}
		doc := map[string]any{"client_id": "https://" + r.Host + r.URL.Path, "client_name": "Sheets", "redirect_uris": []string{loopback}}
		for name, value := range members {
			doc[name] = value
		}
		json.NewEncoder(w).Encode(doc) //nolint:errcheck // the client sees it
	}
}

// withDocuments lets the server fetch documents from everywhere: any host name
// leads to the publisher, whose certificate is not checked. Redirects
// are treated as in the gateway.
func withDocuments(p *publisher) option {
	return func(cfg *oauth.Config) {
		guard := egress.NewClient(egress.Policy{}, egress.ClientConfig{})
		cfg.Documents = &http.Client{Timeout: guard.Timeout, CheckRedirect: guard.CheckRedirect, Transport: toPublisher{p}}
	}
}

type toPublisher struct{ *publisher }

func (p toPublisher) RoundTrip(r *http.Request) (*http.Response, error) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.Listener.Addr().String())
		},
	}
	return transport.RoundTrip(r)
}

const sheets = "https://sheets.example/client.json"

func TestMetadataDocument(t *testing.T) {
	p := newPublisher(t)
	p.publish(http.Header{"Cache-Control": {"max-age=3600"}}, map[string]any{
		"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_methods_supported": []string{"private_key_jwt", "none"},
		"grant_types": []string{"authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
	})
	r := newRig(t, withDocuments(p))
	b := r.browser(t)
	page := b.get(t, "/t/acme/oauth/authorize?"+authorization(sheets).Encode())
	if !strings.Contains(page.body, `>Sheets<`) || !strings.Contains(page.body, `verified">sheets.example<`) {
		t.Errorf("%d %s", page.status, page.body)
	}
	if !strings.Contains(page.body, "Any app on this computer can use this name") {
		t.Error("no warning that a loopback client proves nothing")
	}
	pair := pairOf(t, sheets, b.token(t, redemption(sheets, b.code(t, sheets))))
	if a := b.mcp(t, "acme", pair.access); a.json(t)["auth"] != "oauth:"+sheets {
		t.Errorf("MCP: %s", a.body)
	}
	records := r.audited(t, "oauth.client_registered")
	if len(records) != 1 || records[0]["client_id"] != sheets || records[0]["kind"] != "cimd" {
		t.Errorf("records %v", records)
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	q := authorization(sheets)
	q.Set("redirect_uri", "http://127.0.0.1/other")
	if got := b.get(t, "/t/acme/oauth/authorize?"+q.Encode()).refusal(t); got != "400 invalid_request: redirect_uri is not registered for this client" {
		t.Error(got)
	}
}

// TestDocumentLife checks how long a document is used (contract 4.5), and that
// the last good one outlives its server.
func TestDocumentLife(t *testing.T) {
	for _, tt := range []struct {
		header http.Header
		fresh  time.Duration
	}{
		{nil, 5 * time.Minute},
		{http.Header{"Cache-Control": {"max-age=1"}}, 5 * time.Minute},
		{http.Header{"Cache-Control": {"no-store, max-age=3600"}}, 5 * time.Minute},
		{http.Header{"Cache-Control": {"public, max-age=3600"}}, time.Hour},
		{http.Header{"Cache-Control": {"max-age=3600"}, "Age": {"600"}}, 50 * time.Minute},
		{http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
		{http.Header{"Cache-Control": {"max-age=-5"}}, 5 * time.Minute},
		{http.Header{"Expires": {time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)}}, 119 * time.Minute},
	} {
		t.Run(fmt.Sprint(tt.header), func(t *testing.T) {
			p := newPublisher(t)
			p.publish(tt.header, nil)
			r := newRig(t, withDocuments(p))
			b := r.browser(t)
			ask := func() { b.authorize(t, authorization(sheets)) }
			ask()
			r.clock.advance(tt.fresh - 2*time.Second)
			ask()
			if n := p.fetches.Load(); n != 1 {
				t.Errorf("fetched %d times while fresh", n)
			}
			p.serve = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }
			r.clock.advance(2 * time.Minute)
			ask()
			ask()
			if n := p.fetches.Load(); n != 2 {
				t.Errorf("fetched %d times when stale and failing", n)
			}
		})
	}
}

// TestDocumentChanges checks that what an app takes out of its document does
// not work any longer.
func TestDocumentChanges(t *testing.T) {
	p := newPublisher(t)
	p.publish(nil, nil)
	r := newRig(t, withDocuments(p))
	b := r.browser(t)
	b.authorize(t, authorization(sheets))
	p.publish(nil, map[string]any{"client_name": "Sheets 2", "redirect_uris": []string{"https://claude.ai/x"}})
	r.clock.advance(6 * time.Minute)
	if got := b.get(t, "/t/acme/oauth/authorize?"+authorization(sheets).Encode()).refusal(t); got != "400 invalid_request: redirect_uri is not registered for this client" {
		t.Error(got)
	}
	if records := r.audited(t, "oauth.client_registered"); len(records) != 2 || records[0]["client_name"] != "Sheets 2" {
		t.Errorf("records %v", records)
	}
}

func TestBadDocuments(t *testing.T) {
	text := func(contentType, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Write([]byte(body)) //nolint:errcheck // the client sees it
		}
	}
	doc := func(members string) func(http.ResponseWriter, *http.Request) {
		return text("application/json", `{"client_id":"`+sheets+`","redirect_uris":["`+loopback+`"]`+members+`}`)
	}
	for name, serve := range map[string]func(http.ResponseWriter, *http.Request){
		"not found":            func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"HTML":                 text("text/html", `{"client_id":"`+sheets+`","redirect_uris":["`+loopback+`"]}`),
		"no type":              text("", `{"client_id":"`+sheets+`","redirect_uris":["`+loopback+`"]}`),
		"not JSON":             text("application/json", `<html>`),
		"client_id of another": text("application/json", `{"client_id":"https://other.example/c","redirect_uris":["`+loopback+`"]}`),
		"no client_id":         text("application/json", `{"redirect_uris":["`+loopback+`"]}`),
		"no redirect_uris":     text("application/json", `{"client_id":"`+sheets+`"}`),
		"member twice":         doc(`,"client_name":"a","client_name":"b"`),
		"with a secret":        doc(`,"token_endpoint_auth_method":"client_secret_post"`),
		"too many values":      doc(`,"x":[` + strings.Repeat("{},", 1000) + `0]`),
		"nested too deeply":    doc(`,"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200)),
		"control characters":   doc(`,"client_name":"a\u0007"`),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/client.json", http.StatusFound)
		},
		"redirect inside": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(t)
			p.serve = serve
			r := newRig(t, withDocuments(p))
			for range 2 {
				a := r.browser(t).get(t, "/t/acme/oauth/authorize?"+authorization(sheets).Encode())
				if got := a.refusal(t); got != "400 invalid_client: Unknown client" {
					t.Error(got)
				}
			}
			if n := p.fetches.Load(); n != 1 {
				t.Errorf("asked %d times, redirects or failures are followed", n)
			}
		})
	}
}

// TestDocumentAddresses checks that the guard of internal/egress stands before
// the fetch: no document comes from an address inside.
func TestDocumentAddresses(t *testing.T) {
	p := newPublisher(t)
	p.publish(nil, nil)
	var dialled atomic.Int64
	policy := egress.Policy{DenyPrivate: true}
	r := newRig(t, func(cfg *oauth.Config) { cfg.Documents = egress.NewClient(policy, egress.ClientConfig{}) })
	p.serve = func(http.ResponseWriter, *http.Request) { dialled.Add(1) }
	port := netip.MustParseAddrPort(p.Listener.Addr().String()).Port()
	for _, host := range []string{
		fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("localhost:%d", port), fmt.Sprintf("[::ffff:127.0.0.1]:%d", port),
		"169.254.169.254", "10.0.0.1", "192.168.1.1", "[::1]", "[fd00::1]", "100.64.0.1", "0.0.0.0",
	} {
		a := r.browser(t).get(t, "/t/acme/oauth/authorize?"+authorization("https://"+host+"/client.json").Encode())
		if got := a.refusal(t); got != "400 invalid_client: Unknown client" {
			t.Errorf("%s: %s", host, got)
		}
	}
	if dialled.Load() != 0 {
		t.Error("an address inside was dialled")
	}
}

// TestNoDocumentURL checks which client ids are never fetched.
func TestNoDocumentURL(t *testing.T) {
	p := newPublisher(t)
	p.publish(nil, nil)
	r := newRig(t, withDocuments(p))
	for _, id := range []string{
		"http://sheets.example/client.json", "https://sheets.example", "https://sheets.example/", "https://sheets.example/a/../client.json",
		"https://sheets.example/./client.json", "https://user@sheets.example/client.json", "https://sheets.example/client.json#x",
		"https:///client.json", "https:sheets.example/client.json", "ftp://sheets.example/client.json",
	} {
		if got := r.browser(t).get(t, "/t/acme/oauth/authorize?"+authorization(id).Encode()).refusal(t); got != "400 invalid_client: Unknown client" {
			t.Errorf("%s: %s", id, got)
		}
	}
	if n := p.fetches.Load(); n != 0 {
		t.Errorf("fetched %d times", n)
	}
}

// TestPinnedDocuments checks that the large clients get in although their
// servers turn us away, and that a live document is asked for what the copy
// does not list.
func TestPinnedDocuments(t *testing.T) {
	const chatGPT = "https://chatgpt.com/oauth/client.json"
	p := newPublisher(t)
	p.serve = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Cloudflare", http.StatusForbidden) }
	r := newRig(t, withDocuments(p))
	with := func(id, uri string) url.Values {
		q := authorization(id)
		q.Set("redirect_uri", uri)
		return q
	}
	for _, tt := range []struct{ id, uri string }{
		{"https://claude.ai/oauth/mcp-oauth-client-metadata", "https://claude.ai/api/mcp/auth_callback"},
		{"https://claude.ai/oauth/mcp-oauth-client-metadata", "https://claude.com/api/mcp/auth_callback"},
		{"https://claude.ai/oauth/claude-code-client-metadata", "http://localhost:51703/callback"},
		{"https://claude.ai/oauth/claude-code-client-metadata", "http://127.0.0.1:51703/callback"},
		{chatGPT, "https://chatgpt.com/connector_platform_oauth_redirect"},
		{"https://vscode.dev/oauth/client-metadata.json", "http://127.0.0.1:33418/"},
		{"https://vscode.dev/oauth/client-metadata.json", "http://127.0.0.1:50000/"},
		{"https://vscode.dev/oauth/client-metadata.json", "https://vscode.dev/redirect"},
		{"https://vscode.dev/oauth/client-metadata.json", "https://insiders.vscode.dev/redirect"},
	} {
		r.browser(t).authorize(t, with(tt.id, tt.uri))
	}
	if n := p.fetches.Load(); n != 0 {
		t.Errorf("fetched %d times although a copy answers", n)
	}
	newer := with(chatGPT, "https://chatgpt.com/connector/oauth/abc")
	if got := r.browser(t).get(t, "/t/acme/oauth/authorize?"+newer.Encode()).refusal(t); got != "400 invalid_request: redirect_uri is not registered for this client" {
		t.Error(got)
	}
	p.publish(nil, map[string]any{"client_name": "ChatGPT", "redirect_uris": []string{"https://chatgpt.com/connector/oauth/abc"}})
	r.clock.advance(time.Minute)
	r.browser(t).authorize(t, newer)
}
