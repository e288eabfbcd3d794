package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// clock is a hand-driven clock.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func key(id string) seal.Key {
	return seal.Key{ID: id, Secret: []byte(strings.Repeat(id+"-secret ", 8))}
}

func mustIssuer(t testing.TB, c *clock, algorithm string, keys ...seal.Key) *Issuer {
	t.Helper()
	i, err := NewIssuer(IssuerConfig{Algorithm: algorithm, Keys: keys, Life: 15 * time.Minute, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func testGrant() Grant {
	return Grant{
		Issuer: "https://gw.example", Audience: []string{"https://gw.example/api/v1", "https://gw.example/t/acme/mcp"},
		Tenant: "t1", Slug: "acme", User: "u1", Email: "ann@acme.example", Role: identity.Analyst, Epoch: 3, Session: "s1",
	}
}

func mustMint(t testing.TB, i *Issuer, g Grant) string {
	t.Helper()
	raw, err := i.Mint(g)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTokenRoundTrip(t *testing.T) {
	for _, algorithm := range []string{"HS256", "HS384", "HS512"} {
		t.Run(algorithm, func(t *testing.T) {
			c := newClock()
			i := mustIssuer(t, c, algorithm, key("k1"))
			got, err := i.verify(mustMint(t, i, testGrant()))
			if err != nil {
				t.Fatal(err)
			}
			if got.ID == "" {
				t.Error("no jti")
			}
			got.ID = ""
			want := &claims{
				Issuer: "https://gw.example", Audience: []string{"https://gw.example/api/v1", "https://gw.example/t/acme/mcp"},
				User: "u1", Tenant: "t1", Slug: "acme", Role: "analyst", Email: "ann@acme.example",
				Type: "access", Session: "s1", Epoch: 3, IssuedAt: c.at.Unix(), Expires: c.at.Add(15 * time.Minute).Unix(),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokenRotation(t *testing.T) {
	c := newClock()
	before := mustIssuer(t, c, "HS256", key("old"))
	raw := mustMint(t, before, testGrant())
	if _, err := mustIssuer(t, c, "HS256", key("new"), key("old")).verify(raw); err != nil {
		t.Errorf("a key on the old list no longer verifies: %v", err)
	}
	if _, err := mustIssuer(t, c, "HS256", key("new")).verify(raw); !errors.Is(err, errToken) {
		t.Errorf("a dropped key still verifies: %v", err)
	}
	// The id of a key proves nothing: a token signed by another secret under
	// the name of ours is refused.
	forged := mustMint(t, mustIssuer(t, c, "HS256", seal.Key{ID: "new", Secret: key("evil").Secret}), testGrant())
	if _, err := mustIssuer(t, c, "HS256", key("new")).verify(forged); !errors.Is(err, errToken) {
		t.Errorf("a forged token verifies: %v", err)
	}
}

func TestTokenRefusals(t *testing.T) {
	c := newClock()
	i := mustIssuer(t, c, "HS256", key("k1"))
	raw := mustMint(t, i, testGrant())
	parts := strings.Split(raw, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"empty":            "",
		"garbage":          "a.b.c",
		"no signature":     parts[0] + "." + parts[1] + ".",
		"alg none":         encode([]byte(`{"alg":"none","kid":"k1"}`)) + "." + parts[1] + ".",
		"other algorithm":  mustMint(t, mustIssuer(t, c, "HS512", key("k1")), testGrant()),
		"changed body":     parts[0] + "." + encode([]byte(`{"sub":"u2","tenant_id":"t1","type":"access","exp":99999999999}`)) + "." + parts[2],
		"no user":          mustMint(t, i, Grant{Tenant: "t1"}),
		"no tenant":        mustMint(t, i, Grant{User: "u1"}),
		"two in one field": raw + "," + raw,
	} {
		if got, err := i.verify(token); !errors.Is(err, errToken) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	c.advance(15*time.Minute - time.Second)
	if _, err := i.verify(raw); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	c.advance(time.Second)
	if _, err := i.verify(raw); !errors.Is(err, errToken) {
		t.Errorf("at its end: %v", err)
	}
}

func TestNewIssuerRefusals(t *testing.T) {
	for name, cfg := range map[string]IssuerConfig{
		"no key":            {Algorithm: "HS256"},
		"unknown algorithm": {Algorithm: "none", Keys: []seal.Key{key("k")}},
		"asymmetric":        {Algorithm: "RS256", Keys: []seal.Key{key("k")}},
	} {
		if _, err := NewIssuer(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestVerifiedTokensAreJudgedAnew proves that a remembered signature saves
// neither an expired token nor one byte of another.
func TestVerifiedTokensAreJudgedAnew(t *testing.T) {
	c := newClock()
	i := mustIssuer(t, c, "HS256", key("k1"))
	raw := mustMint(t, i, testGrant())
	for range 2 {
		if _, err := i.verify(raw); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := i.verify(raw + "A"); !errors.Is(err, errToken) {
		t.Errorf("a changed token: %v", err)
	}
	for range 3 * verifiedMax {
		i.verified.put(sha256.Sum256([]byte(randomText())), &claims{})
	}
	if n := len(i.verified.young) + len(i.verified.old); n > 2*verifiedMax {
		t.Errorf("%d tokens remembered", n)
	}
	if _, err := i.verify(raw); err != nil {
		t.Errorf("a forgotten token: %v", err)
	}
	c.advance(15 * time.Minute)
	if _, err := i.verify(raw); !errors.Is(err, errToken) {
		t.Errorf("an expired token: %v", err)
	}
}

func BenchmarkToken(b *testing.B) {
	i := mustIssuer(b, newClock(), "HS256", key("k1"))
	raw := mustMint(b, i, testGrant())
	for name, check := range map[string]func(string) (*claims, error){"first": i.parse, "again": i.verify} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
