package api_test

import "testing"

// TestForeignPagesAskForNothing: a name that was rebound to this address makes
// a browser send JSON here, with the foreign name as its origin.
func TestForeignPagesAskForNothing(t *testing.T) {
	g := start(t)
	body := `{"name":"Evil","slug":"evil","admin_email":"e@evil.test","admin_password":"long enough password"}`
	for origin, status := range map[string]int{
		"http://evil.example:8000": 403, "null": 403, "http://evil.example": 403, "https://gw.example.evil.example": 403,
	} {
		r := g.do(t, request{method: "POST", path: "/tenants/", body: body, header: map[string]string{"Origin": origin}})
		r.want(t, status, "Cross-site request refused")
	}
	own := map[string]string{"Origin": base}
	g.do(t, request{method: "POST", path: "/connections/", token: g.acme.admin.token, body: connection(nil), header: own}).want(t, 200, "")
	foreign := map[string]string{"Origin": "http://evil.example"}
	g.do(t, request{method: "GET", path: "/connections/", token: g.acme.admin.token, header: foreign}).want(t, 200, "")
}
