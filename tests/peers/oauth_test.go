package peers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// TestRemoteSignsIn gives mcp-remote nothing but the tenant's URL. It finds
// the authorization server, registers itself and prints where to sign in; a
// person of ours does that.
func TestRemoteSignsIn(t *testing.T) {
	p := start(t, gatewaytest.Options{})
	for name, args := range map[string][]string{
		"default":                {p.url()},
		"default on the SSE URL": {p.url() + "/sse"},
		"modern":                 {p.url(), "--protocol", "auto"},
		"SSE only":               {p.url() + "/sse", "--transport", "sse-only"},
		"a scope of its own":     {p.url(), "--static-oauth-client-metadata", `{"scope":"mcp admin"}`},
	} {
		t.Run(name, func(t *testing.T) {
			analyst := &person{t: t, ctx: t.Context()}
			cmd := p.command(t.Context(), "mcp-remote", append(args, "--allow-http")...)
			cmd.Env = append(cmd.Env, "MCP_REMOTE_CONFIG_DIR="+t.TempDir())
			cmd.Stderr = analyst
			p.drive(t, &sdk.CommandTransport{Command: cmd})
			if analyst.signIns != 1 {
				t.Errorf("signed in %d times; mcp-remote said:\n%s", analyst.signIns, analyst.said.String())
			}
		})
	}
}

// person reads what a program says and signs in at the first URL that asks for
// it.
type person struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex // guards what follows
	said    bytes.Buffer
	signIns int
}

var authorizeURL = regexp.MustCompile(`(?m)(https?://\S+/oauth/authorize\?\S+)\s*\n`)

// Write implements io.Writer.
func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said.Write(b)
	if m := authorizeURL.FindSubmatch(p.said.Bytes()); m != nil && p.signIns == 0 {
		p.signIns++
		go p.signIn(string(m[1]))
	}
	return len(b), nil
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

// signIn does what a browser and its user do: open the page, fill the form,
// follow the redirect to the program.
func (p *person) signIn(at string) {
	if err := signIn(p.ctx, at); err != nil {
		p.t.Errorf("sign in at %s: %v", at, err)
	}
}

func signIn(ctx context.Context, at string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar}
	page, err := send(browser, ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	state := stateField.FindStringSubmatch(page)
	if state == nil {
		return fmt.Errorf("no form: %s", page)
	}
	form := url.Values{"state": {state[1]}, "email": {"analyst@acme.test"}, "password": {gatewaytest.Password}, "action": {"allow"}}
	before, _, _ := strings.Cut(at, "?")
	_, err = send(browser, ctx, http.MethodPost, strings.TrimSuffix(before, "authorize")+"login", form)
	return err
}

func send(browser *http.Client, ctx context.Context, method, at string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	resp, err := browser.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return string(body), err
}

// TestConformanceOfAuthorization runs the conformance runner's scenarios for
// authorization servers. It prints a URL too.
func TestConformanceOfAuthorization(t *testing.T) {
	p := start(t, gatewaytest.Options{})
	const port = "13999"
	var client struct {
		ID string `json:"client_id"`
	}
	err := p.Anonymous.Do(t.Context(), http.MethodPost, "/t/"+gatewaytest.Slug+"/oauth/register", map[string]any{
		"client_name": "conformance", "redirect_uris": []string{"http://127.0.0.1:" + port + "/callback"},
	}, &client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	analyst := &person{t: t, ctx: ctx}
	cmd := p.command(ctx, "conformance", "authorization", "--url", p.Base+"/t/"+gatewaytest.Slug,
		"--client-id", client.ID, "--resource", p.url(), "-p", port, "-o", t.TempDir())
	cmd.Stdout, cmd.Stderr = analyst, analyst
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s\nthe gateway said:\n%s", err, analyst.said.String(), p.Log())
	}
	if analyst.signIns != 1 {
		t.Errorf("signed in %d times:\n%s", analyst.signIns, analyst.said.String())
	}
	t.Log(lastLines(analyst.said.String(), 6))
}
