package oauth_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlow(t *testing.T) {
	b := newRig(t).browser(t)
	client := b.register(t, loopback)
	q := authorization(client)
	q.Set("resource", b.base+"/t/acme/mcp/sse")
	q.Set("scope", "mcp offline_access admin")
	landed := b.post(t, "/t/acme/oauth/login", signIn(b.authorize(t, q))).landed(t)
	want := url.Values{"code": landed["code"], "state": {"xyz"}, "iss": {b.base + "/t/acme"}}
	if diff := cmp.Diff(want, landed); diff != "" || len(landed.Get("code")) != 43 {
		t.Errorf("authorization response (-want +got):\n%s", diff)
	}
	a := b.token(t, redemption(client, landed.Get("code")))
	p := pairOf(t, client, a)
	m := a.json(t)
	if m["token_type"] != "bearer" || m["expires_in"] != 900.0 || m["scope"] != "mcp" || len(p.refresh) != len("mgw_rt_")+43 {
		t.Errorf("token answer: %s", a.body)
	}
	if a := b.mcp(t, "acme", p.access); a.status != http.StatusOK || a.json(t)["auth"] != "oauth:"+client || a.json(t)["role"] != "viewer" {
		t.Errorf("MCP with the token: %d %s", a.status, a.body)
	}
	if a := b.mcp(t, "globex", p.access); a.status != http.StatusForbidden {
		t.Errorf("MCP of another tenant: %d %s", a.status, a.body)
	}
	if a := b.bearer(t, "/auth/me", p.access); a.status != http.StatusUnauthorized {
		t.Errorf("management API with an MCP token: %d", a.status)
	}
	next := pairOf(t, client, b.token(t, renewal(p)))
	if a := b.mcp(t, "acme", next.access); a.status != http.StatusOK {
		t.Errorf("MCP with the renewed token: %d", a.status)
	}
	for _, event := range []string{"oauth.client_registered", "oauth.login", "oauth.consent_granted", "oauth.token_issued", "oauth.token_refreshed"} {
		records := b.audited(t, event)
		if len(records) != 1 {
			t.Fatalf("%d records of %s", len(records), event)
		}
		if auth := records[0]["auth"]; auth != "oauth:"+client && event != "oauth.client_registered" {
			t.Errorf("%s by %v", event, auth)
		}
	}
}
