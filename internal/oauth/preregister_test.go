package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/oauth"
)

func (r *rig) operator() oauth.Operator {
	return oauth.Operator{Store: r.store, Tenant: r.acme, Redirects: r.server.Redirects}
}

// TestPreregistration: a client that the operator vouches for signs in as any
// other, is told apart on the page, and takes what it was given with it.
func TestPreregistration(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		c, err := r.operator().Preregister(t.Context(), " Desk ", []string{loopback})
		if err != nil {
			t.Fatal(err)
		}
		registered := r.audited(t, "oauth.client_registered")
		want := []map[string]any{{
			"client_id": c.ClientID, "client_name": "Desk", "redirect_uris": []any{loopback}, "kind": "preregistered", "auth": "operator",
		}}
		if diff := cmp.Diff(want, registered); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		b := r.browser(t)
		page := b.get(t, "/t/acme/oauth/authorize?"+authorization(c.ClientID).Encode()).body
		if !strings.Contains(page, "verified by the operator") || strings.Contains(page, "unverified") || strings.Contains(page, "Nobody has checked") {
			t.Errorf("the page: %s", page)
		}
		p := pairOf(t, c.ClientID, b.token(t, redemption(c.ClientID, b.code(t, c.ClientID))))
		unused := b.code(t, c.ClientID)
		open := b.authorize(t, authorization(c.ClientID))
		if a := b.mcp(t, "acme", p.access); a.status != http.StatusOK {
			t.Fatalf("MCP: %d %s", a.status, a.body)
		}
		if a := b.get(t, "/t/globex/oauth/authorize?"+authorization(c.ClientID).Encode()); a.status != http.StatusBadRequest {
			t.Errorf("at another tenant: %d", a.status)
		}

		if err := r.operator().Delete(t.Context(), c.ClientID); err != nil {
			t.Error(err)
		}
		if a := b.mcp(t, "acme", p.access); a.status != http.StatusUnauthorized {
			t.Errorf("access token of a deleted client: %d", a.status)
		}
		for name, tt := range map[string]struct {
			do   func() answer
			want string
		}{
			"refresh":      {func() answer { return b.token(t, renewal(p)) }, "400 invalid_grant: Invalid or expired refresh token"},
			"code":         {func() answer { return b.token(t, redemption(c.ClientID, unused)) }, "400 invalid_grant: Invalid or expired authorization code"},
			"open sign-in": {func() answer { return b.post(t, "/t/acme/oauth/login", signIn(open)) }, "400 invalid_client: Unknown client"},
			"new sign-in":  {func() answer { return b.get(t, "/t/acme/oauth/authorize?"+authorization(c.ClientID).Encode()) }, "400 invalid_client: Unknown client"},
		} {
			if got := tt.do().refusal(t); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
		if len(r.audited(t, "oauth.client_deleted")) != 1 || len(r.audited(t, "oauth.token_revoked")) != 1 {
			t.Error("the deletion is not on record")
		}
		if err := r.operator().Delete(t.Context(), c.ClientID); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted again: %v", err)
		}
	})
}

// TestPreregistrationKeepsTheRules: the operator's word does not widen where
// people may be sent (contract 4.5).
func TestPreregistrationKeepsTheRules(t *testing.T) {
	r := newRig(t)
	for name, tt := range map[string]struct {
		name string
		uris []string
		want string
	}{
		"no name":        {" ", []string{loopback}, "client_name is empty"},
		"long name":      {strings.Repeat("x", 201), []string{loopback}, "client_name is longer than 200 characters"},
		"control in it":  {"a\nb", []string{loopback}, "client_name holds control characters"},
		"no URI":         {"Desk", nil, "redirect_uris must hold 1 to 10 URIs"},
		"unlisted host":  {"Desk", []string{"https://evil.example/cb"}, "redirect_uri is not allowed: https://evil.example/cb"},
		"plain http":     {"Desk", []string{loopback, "http://acme.test/cb"}, "redirect_uri must be a localhost URI: http://acme.test/cb"},
		"not listed yet": {"Desk", []string{"https://portal.acme.test/cb"}, "redirect_uri is not allowed: https://portal.acme.test/cb"},
	} {
		_, err := r.operator().Preregister(t.Context(), tt.name, tt.uris)
		if !fault.Is(err, fault.Invalid) || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	if clients, err := r.operator().Clients(t.Context()); len(clients) != 0 || err != nil {
		t.Errorf("refused clients are stored: %v, %v", clients, err)
	}
	allowed := r.operator()
	allowed.Tenant.RedirectHosts = []string{"portal.acme.test"}
	if _, err := allowed.Preregister(t.Context(), "Portal", []string{"https://portal.acme.test/cb"}); err != nil {
		t.Errorf("a host that the organisation listed: %v", err)
	}
}

// TestGrantNeedsItsClient: a client that is deleted while somebody is at their
// identity provider gets no code when they come back.
func TestGrantNeedsItsClient(t *testing.T) {
	r, p := newSSORig(t)
	b := r.browser(t)
	client := b.register(t, loopback)
	p.meanwhile = func() {
		if err := r.operator().Delete(t.Context(), client); err != nil {
			t.Error(err)
		}
	}
	state := url.QueryEscape(b.authorize(t, authorization(client)))
	if got := b.get(t, "/t/acme/oauth/oidc-callback?code=c&state="+state).refusal(t); got != "400 invalid_client: Unknown client" {
		t.Error(got)
	}
}

// TestDeletionUnderRefreshes: nobody keeps a token by refreshing while the
// client is being deleted.
func TestDeletionUnderRefreshes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, r *rig) {
		c, err := r.operator().Preregister(t.Context(), "Desk", []string{loopback})
		if err != nil {
			t.Fatal(err)
		}
		const people = 6
		var refreshing, done sync.WaitGroup
		last := make([]pair, people)
		refreshing.Add(people)
		for i := range people {
			b := r.browser(t)
			last[i] = pairOf(t, c.ClientID, b.token(t, redemption(c.ClientID, b.code(t, c.ClientID))))
			r.clock.advance(time.Minute) // one account signs in all the time
			done.Go(func() {
				for n := range 25 {
					a := b.token(t, renewal(last[i]))
					if a.status == http.StatusOK {
						last[i] = pairOf(t, c.ClientID, a)
					}
					if n == 2 {
						refreshing.Done()
					}
				}
			})
		}
		refreshing.Wait()
		if err := r.operator().Delete(t.Context(), c.ClientID); err != nil {
			t.Error(err)
		}
		done.Wait()
		for _, p := range last {
			b := r.browser(t)
			if a := b.mcp(t, "acme", p.access); a.status != http.StatusUnauthorized {
				t.Errorf("an access token lives on: %d", a.status)
			}
			if a := b.token(t, renewal(p)); a.status != http.StatusBadRequest {
				t.Errorf("a refresh token lives on: %d %s", a.status, a.body)
			}
		}
	})
}
