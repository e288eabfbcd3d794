package oauth

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// FuzzRedirect looks for a URI that passes the rules and leads elsewhere than
// they allow, or out of its place in the response.
func FuzzRedirect(f *testing.F) {
	for _, uri := range []string{
		"http://localhost/callback", "http://[::1]:1/?a=b", "https://claude.ai/api/mcp/auth_callback", "https://www.claude.ai?x&",
		"cursor://anysphere.cursor-mcp/oauth/callback", `https://claude.ai\@evil.example`, "https://claude.ai:443@evil.example/",
		"https://evil.example/#https://claude.ai", "http://127.0.0.1.evil.example", "http://0x7f.1/", "javascript://claude.ai/%0aalert(1)",
		"https://app.example/cb", "https://app.example/c/abc", "https://app.example/c/..", "https://app.example/cb?x", "https://app.example//cb",
		"cursor:evil", "https:claude.ai", "https:///claude.ai", "HTTPS://CLAUDE.AI/x", "http://localhost%00.evil.example/", "https://claude.ai%2eevil.example/",
	} {
		f.Add(uri, "state")
	}
	r := Redirects{Hosts: []string{"claude.ai", "app.example/cb", "app.example/c/*"}, Schemes: []string{"cursor"}}
	f.Fuzz(func(t *testing.T, uri, state string) {
		if r.check(store.Tenant{}, uri) != nil {
			return
		}
		to := withQuery(uri, url.Values{"state": {state}, "code": {"c"}})
		if strings.ContainsAny(to, "\r\n\t \\#\"<>") {
			t.Fatalf("%q becomes %q", uri, to)
		}
		before, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		after, err := url.Parse(to)
		if err != nil || after.Scheme != before.Scheme || after.Host != before.Host || after.User != nil || after.Path != before.Path {
			t.Fatalf("%q becomes %q (%v)", uri, to, err)
		}
		if q := after.Query(); q["state"][len(q["state"])-1] != state {
			t.Errorf("%q: state %q arrives as %q", uri, state, q["state"])
		}
		host := strings.TrimPrefix(strings.ToLower(after.Host), "www.")
		pinned := host == "app.example" && before.RawQuery == "" &&
			(before.EscapedPath() == "/cb" || strings.HasPrefix(before.EscapedPath(), "/c/") && path.Dir(path.Clean(before.Path)) == "/c")
		if after.Scheme == "https" && host != "claude.ai" && !pinned || after.Scheme == "http" && !isLoopback(after) || !strings.Contains("http https cursor", after.Scheme) {
			t.Errorf("%q is allowed", uri)
		}
	})
}

// TestPinnedRedirects: of a host with a path only that page is a client's. An
// open redirector elsewhere on the host would pass codes on.
func TestPinnedRedirects(t *testing.T) {
	r := Redirects{Hosts: []string{"app.example/cb", "app.example/c/*", "root.example/", "whole.example"}}
	own := store.Tenant{RedirectHosts: []string{"own.example", "own.example:8443"}}
	for uri, want := range map[string]bool{
		"https://app.example/cb":              true,
		"https://www.app.example/cb":          true,
		"https://APP.example/cb":              true,
		"https://app.example/c/a1-B._~":       true,
		"https://root.example":                true,
		"https://root.example/":               true,
		"https://whole.example/any/path?a=b":  true,
		"https://own.example/any/path?a=b":    true,
		"https://own.example:8443/cb":         true,
		"https://app.example":                 false,
		"https://app.example/":                false,
		"https://app.example/CB":              false,
		"https://app.example/cb/":             false,
		"https://app.example/cb/x":            false,
		"https://app.example//cb":             false,
		"https://app.example/x/../cb":         false,
		"https://app.example/%63b":            false,
		"https://app.example/cb%2f..%2fx":     false,
		"https://app.example/cb;x":            false,
		"https://app.example/cb?":             false,
		"https://app.example/cb?to=x":         false,
		"https://app.example:443/cb":          false,
		"https://app.example./cb":             false,
		"https://www.www.app.example/cb":      false,
		"https://app.example/c":               false,
		"https://app.example/c/":              false,
		"https://app.example/c/*":             false,
		"https://app.example/c/a/b":           false,
		"https://app.example/c/..":            false,
		"https://app.example/c/.":             false,
		"https://app.example/c/%2e%2e":        false,
		"https://app.example/c/a%2fb":         false,
		"https://app.example/c/a?to=x":        false,
		"https://root.example/cb":             false,
		"https://whole.example:8443/cb":       false,
		"https://whole.example.evil.test/cb":  false,
		"https://own.example.evil.test/cb":    false,
		"https://app.example/c/a\\..\\logout": false,
	} {
		if err := r.check(own, uri); (err == nil) != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if err := r.check(store.Tenant{}, "https://own.example/cb"); err == nil {
		t.Error("the host of another tenant is allowed")
	}
}

func TestSameRedirect(t *testing.T) {
	for _, tt := range []struct {
		registered, requested string
		want                  bool
	}{
		{"http://localhost/cb", "http://localhost:9/cb", true},
		{"http://localhost:1/cb", "http://localhost:9/cb", true},
		{"http://localhost:1", "http://localhost:9/", true},
		{"http://[::1]/cb", "http://[::1]:9/cb", true},
		{"http://localhost/cb?a=b", "http://localhost:9/cb?a=b", true},
		{"http://localhost/cb", "http://127.0.0.1/cb", false},
		{"http://localhost/cb", "http://localhost/CB", false},
		{"http://localhost/cb", "http://localhost/cb/", false},
		{"http://localhost/a%2fb", "http://localhost:9/a/b", false},
		{"http://localhost/cb", "http://localhost/cb?a=b", false},
		{"http://localhost/cb", "https://localhost/cb", false},
		{"http://localhost/cb", "http://localhost/cb#x", false},
		{"https://claude.ai/cb", "https://claude.ai/cb", true},
		{"https://claude.ai/cb", "https://claude.ai:443/cb", false},
		{"https://claude.ai/cb", "https://claude.ai/cb/", false},
		{"cursor://a/cb", "cursor://a:1/cb", false},
	} {
		if got := sameRedirect(tt.registered, tt.requested); got != tt.want {
			t.Errorf("%s for %s: %v", tt.requested, tt.registered, got)
		}
	}
}
