package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// try is one attempt at an account from an address, with cookies.
func (g *gateway) try(t *testing.T, ip, email, pass, slug string, cookies ...string) reply {
	t.Helper()
	return g.do(t, request{
		method: "POST", path: "/auth/session", body: login(email, pass, slug), ip: ip, header: map[string]string{"Cookie": strings.Join(cookies, "; ")},
	})
}

// flood guesses at an account from many addresses until nobody unknown gets
// through any more.
func (g *gateway) flood(t *testing.T, email string) {
	t.Helper()
	g.clock.advance(time.Minute) // the limits are whole again
	for i := range 100 {
		ip := fmt.Sprintf("198.51.100.%d", i/10)
		g.try(t, ip, email, "wrong", []string{"acme", "rival", ""}[i%3]).want(t, 401, "Invalid email or password")
	}
	g.try(t, "198.51.100.99", email, "wrong", "acme").want(t, 429, "Rate limit exceeded: 100 per 1 minute")
}

// device is the cookie by which the gateway knows the browser again.
func (r reply) device(t *testing.T) string {
	t.Helper()
	for _, header := range r.header.Values("Set-Cookie") {
		if !strings.HasPrefix(header, "__Host-mgw_device_") {
			continue
		}
		for _, part := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=15552000"} {
			if !strings.Contains(header, part) {
				t.Errorf("cookie %q lacks %s", header, part)
			}
		}
		cookie, _, _ := strings.Cut(header, ";")
		return cookie
	}
	t.Fatalf("no cookie of a known device in %v", r.header)
	return ""
}

// TestAccountLimit proves that guessing one account's password is limited over
// all addresses, routes and slugs (contract 15.2 A17).
func TestAccountLimit(t *testing.T) {
	g := start(t)
	g.flood(t, " ADMIN@acme.example")
	r := g.do(t, request{method: "POST", path: "/auth/login", body: login("admin@acme.example", password, "acme"), ip: "203.0.113.1"})
	if r.want(t, 429, "Rate limit exceeded: 100 per 1 minute"); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	g.try(t, "203.0.113.2", "viewer@acme.example", "wrong", "acme").want(t, 401, "Invalid email or password")
	if hits := g.events(t, "", "ratelimit.hit"); len(hits) != 1 || hits[0].text("key") != "account" {
		t.Errorf("recorded %v", hits)
	}
}

// TestStrangerDoesNotLockOut: one address, however many addresses of IPv6 it
// has, keeps nobody else out.
func TestStrangerDoesNotLockOut(t *testing.T) {
	g := start(t)
	for i := range 30 {
		g.try(t, "198.51.100.1", "viewer@acme.example", "wrong", "acme")
		g.try(t, fmt.Sprintf("2001:db8:0:1:%x::1", i), "viewer@acme.example", "wrong", "acme")
	}
	g.try(t, "203.0.113.1", "viewer@acme.example", password, "acme").want(t, 200, "")
	g.try(t, "2001:db8:0:2::1", "viewer@acme.example", password, "acme").want(t, 200, "")
}

// TestKnownDevice: a flood of guesses from everywhere keeps the owner's own
// browser from nothing, and helps no other.
func TestKnownDevice(t *testing.T) {
	g := start(t)
	owner := g.try(t, "203.0.113.1", "viewer@acme.example", password, "acme").want(t, 200, "").device(t)
	colleague := g.try(t, "203.0.113.2", "analyst@acme.example", password, "acme").want(t, 200, "").device(t)
	name, value, _ := strings.Cut(owner, "=")
	_, foreign, _ := strings.Cut(colleague, "=")
	g.flood(t, "viewer@acme.example")
	for what, cookie := range map[string]string{
		"no cookie":         "a=b",
		"of another":        colleague,
		"another's value":   name + "=" + foreign,
		"empty":             name + "=",
		"changed":           name + "=x" + value,
		"cut":               name + "=" + value[:len(value)-1],
		"later":             name + "=9" + value,
		"as the session":    "__Host-mgw_session=" + value,
		"without separator": name + "=" + strings.ReplaceAll(value, ".", ""),
	} {
		t.Run(what, func(t *testing.T) {
			g.try(t, "203.0.113.3", "viewer@acme.example", password, "acme", cookie).want(t, 429, "Rate limit exceeded: 100 per 1 minute")
		})
	}
	// Nothing but the right password opens the account, and the cookie alone opens nothing.
	g.do(t, request{method: "GET", path: "/auth/me", ip: "203.0.113.4", header: map[string]string{"Cookie": owner}}).want(t, 401, "")
	g.do(t, request{method: "GET", path: "/auth/me", ip: "203.0.113.4", token: value}).want(t, 401, "")
	g.try(t, "203.0.113.4", "viewer@acme.example", "wrong", "acme", owner).want(t, 401, "Invalid email or password")
	r := g.try(t, "203.0.113.4", "viewer@acme.example", password, "acme", colleague, owner).want(t, 200, "")
	if next := r.device(t); next == owner {
		t.Error("the cookie is not renewed")
	}
	g.do(t, request{
		method: "POST", path: "/auth/login", body: login("viewer@acme.example", password, ""), ip: "203.0.113.4", header: map[string]string{"Cookie": owner},
	}).want(t, 200, "")
	// The device has a bucket of its own, wherever it is.
	for i := range 7 {
		g.try(t, fmt.Sprintf("203.0.113.%d", 10+i), "viewer@acme.example", "wrong", "acme", owner).want(t, 401, "Invalid email or password")
	}
	for i := range 3 {
		g.try(t, fmt.Sprintf("203.0.113.%d", 20+i), "viewer@acme.example", password, "acme", owner).want(t, 429, "Rate limit exceeded: 10 per 1 minute")
	}
	kinds := map[string]int{}
	for _, hit := range g.events(t, "", "ratelimit.hit") {
		kinds[hit.text("key")]++
	}
	if kinds["account"] != 1 || kinds["device"] != 1 || len(kinds) != 2 {
		t.Errorf("recorded %v", kinds)
	}
}

// TestKnownDeviceEnds: after a change of the password, or a long time, a device
// is like any other. Whoever knew the old password could have made many.
func TestKnownDeviceEnds(t *testing.T) {
	g := start(t)
	signedIn := g.try(t, "203.0.113.1", "viewer@acme.example", password, "acme").want(t, 200, "")
	stolen := signedIn.device(t)
	session, _, _ := strings.Cut(signedIn.header.Get("Set-Cookie"), ";")
	const next = "a new long password"
	changed := g.do(t, request{
		method: "POST", path: "/auth/password", body: `{"current_password":"` + password + `","new_password":"` + next + `"}`,
		header: map[string]string{"Cookie": session, "Sec-Fetch-Site": "same-origin"},
	}).want(t, 200, "")
	own := changed.device(t)
	g.flood(t, "viewer@acme.example")
	g.try(t, "203.0.113.2", "viewer@acme.example", next, "acme", stolen).want(t, 429, "")
	g.try(t, "203.0.113.2", "viewer@acme.example", next, "acme", own).want(t, 200, "")
	g.clock.advance(180 * 24 * time.Hour)
	g.flood(t, "viewer@acme.example")
	g.try(t, "203.0.113.4", "viewer@acme.example", next, "acme", own).want(t, 429, "")
}

// TestKnownDeviceOfNamesake: an organisation of one's own, with the e-mail of
// somebody else in it, gives devices of that account alone.
func TestKnownDeviceOfNamesake(t *testing.T) {
	g := start(t)
	const theirs = "viewer@acme.example"
	g.do(t, request{method: http.MethodPost, path: "/tenants/users", token: g.rival.admin.token,
		body: `{"email":"` + theirs + `","password":"a password of the rival","role":"viewer"}`}).want(t, 200, "")
	rival := g.try(t, "203.0.113.1", theirs, "a password of the rival", "rival").want(t, 200, "").device(t)
	g.flood(t, theirs)
	g.try(t, "203.0.113.2", theirs, password, "acme", rival).want(t, 429, "")
	g.try(t, "203.0.113.2", theirs, password, "", rival).want(t, 401, "Invalid email or password")
	g.try(t, "203.0.113.2", theirs, "a password of the rival", "", rival).want(t, 200, "")
}
