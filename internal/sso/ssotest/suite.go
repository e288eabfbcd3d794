package ssotest

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
)

// Suite is a kind of provider to be held to what all of them must do.
type Suite struct {
	// Start returns a provider of the kind at a new identity provider, on which
	// Staff has the role of an analyst and nobody else has any.
	Start func(t *testing.T) (sso.Provider, *Provider)
	Staff Person
}

// leg is a way to the provider with recognisable values.
func leg() sso.Leg {
	return sso.Leg{
		Callback: "https://gw.example/auth/x/callback", State: "the-state", Nonce: "the-nonce",
		Verifier: "a-code-verifier-of-more-than-forty-three-characters",
	}
}

// Run holds the kind to contract 5.2 and 15.2 A22.
func Run(t *testing.T, s Suite) {
	t.Run("sign-in", s.signIn)
	t.Run("no role", s.noRole)
	t.Run("leg", s.leg)
	t.Run("id_token", s.idToken)
	t.Run("times", s.times)
	t.Run("outage", s.outage)
}

// code sends a browser to the provider and returns what it comes back with.
func (s Suite) code(t *testing.T, p sso.Provider, idp *Provider, l sso.Leg) string {
	t.Helper()
	to, err := p.AuthURL(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	client := idp.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Query().Get("state") != l.State || resp.StatusCode != http.StatusFound {
		t.Fatalf("%d to %v, %v", resp.StatusCode, back, err)
	}
	return back.Query().Get("code")
}

func (s Suite) signIn(t *testing.T) {
	p, idp := s.Start(t)
	idp.SignInAs(s.Staff)
	code := s.code(t, p, idp, leg())
	who, err := p.Exchange(t.Context(), code, leg())
	if err != nil || who.Subject == "" || who.Email != s.Staff.Email || who.Role != identity.Analyst {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := p.Exchange(t.Context(), code, leg()); !fault.Is(err, fault.BadGateway) {
		t.Errorf("the code again: %v", err)
	}
}

func (s Suite) noRole(t *testing.T) {
	p, idp := s.Start(t)
	idp.SignInAs(Person{ID: "nobody", Email: "nobody@acme.test"})
	who, err := p.Exchange(t.Context(), s.code(t, p, idp, leg()), leg())
	if err != nil || who.Role != identity.None || who.Subject == "" {
		t.Errorf("%+v, %v", who, err)
	}
}

// leg holds that a code is worth nothing on another way.
func (s Suite) leg(t *testing.T) {
	p, idp := s.Start(t)
	idp.SignInAs(s.Staff)
	for name, change := range map[string]func(*sso.Leg){
		"verifier": func(l *sso.Leg) { l.Verifier = "another-code-verifier-of-more-than-forty-three" },
		"nonce":    func(l *sso.Leg) { l.Nonce = "another-nonce" },
		"callback": func(l *sso.Leg) { l.Callback = "https://gw.example/elsewhere" },
	} {
		other := leg()
		change(&other)
		if who, err := p.Exchange(t.Context(), s.code(t, p, idp, leg()), other); !fault.Is(err, fault.BadGateway) {
			t.Errorf("%s of another leg: %+v, %v", name, who, err)
		}
	}
}

// idToken holds that each claim and the signature are checked.
func (s Suite) idToken(t *testing.T) {
	p, idp := s.Start(t)
	idp.SignInAs(s.Staff)
	refused := func(name string) {
		t.Helper()
		_, err := p.Exchange(t.Context(), s.code(t, p, idp, leg()), leg())
		if f := fault.Of(err); f == nil || f.Public != "Identity provider returned an invalid id_token" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for claim, value := range map[string]any{
		"iss": "https://idp.example", "aud": "another-client", "azp": "another-client", "exp": 1, "nonce": "", "at_hash": "AAAA",
	} {
		idp.Tamper(func(claims map[string]any) { claims[claim] = value })
		refused(claim)
	}
	idp.Tamper(nil)
	idp.Rotate(false)
	refused("unpublished key")
}

// times holds that an id_token of the future is refused, and one of a clock
// that is a little ahead is not.
func (s Suite) times(t *testing.T) {
	p, idp := s.Start(t)
	idp.SignInAs(s.Staff)
	ahead := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for _, tt := range []struct {
		claim string
		value any
		ok    bool
	}{
		{"iat", ahead(24 * time.Hour), false},
		{"iat", ahead(6 * time.Minute), false},
		{"iat", ahead(4 * time.Minute), true},
		{"iat", ahead(-24 * time.Hour), true},
		{"iat", 1e30, false}, // beyond the range of int64
		{"iat", "0", false},
		{"nbf", ahead(24 * time.Hour), false},
		{"nbf", ahead(4 * time.Minute), true},
		{"nbf", 1e30, false},
		{"exp", ahead(-time.Minute), false},
	} {
		idp.Tamper(func(claims map[string]any) { claims[tt.claim] = tt.value })
		_, err := p.Exchange(t.Context(), s.code(t, p, idp, leg()), leg())
		switch f := fault.Of(err); {
		case tt.ok && err != nil:
			t.Errorf("%s %v: %v", tt.claim, tt.value, err)
		case !tt.ok && (f == nil || f.Public != "Identity provider returned an invalid id_token"):
			t.Errorf("%s %v: %v", tt.claim, tt.value, err)
		}
	}
}

// outage holds that a provider that is down, or sends us elsewhere, is called
// that.
func (s Suite) outage(t *testing.T) {
	for _, endpoint := range []string{Discovery, Token, Keys} {
		for name, answer := range map[string]http.HandlerFunc{"down": Status(http.StatusInternalServerError), "elsewhere": redirect} {
			p, idp := s.Start(t)
			idp.SignInAs(s.Staff)
			code := "code"
			if endpoint != Discovery {
				code = s.code(t, p, idp, leg())
			}
			idp.Override(endpoint, answer)
			if _, err := p.Exchange(t.Context(), code, leg()); !fault.Is(err, fault.BadGateway) {
				t.Errorf("%s, %s: %v", endpoint, name, err)
			}
		}
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
}
