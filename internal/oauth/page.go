package oauth

import (
	"net/http"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
)

// signInView is what the sign-in and consent page shows (contract 4.6).
type signInView struct {
	Style, Title, Tenant  string
	Client                string
	Voucher               string // who vouches for the client, "" for an unverified one
	Destination           string // where the answer goes
	Local                 bool   // an app on this computer gets it: loopback or its own scheme
	Scopes                []string
	Until                 time.Time
	State, Problem, Email string
	Password              bool
	Providers             []auth.OfferedProvider
	RefreshDays           int
}

func (s *Server) signInPage(v *visit, t *transaction, problem, email string) error {
	offer, err := s.SSO.Offer(v.ctx(), t.tenant.ID)
	if err != nil {
		return err
	}
	title := "Sign in to " + t.tenant.Name
	if problem != "" {
		title = "Error: " + title // the first thing that a screen reader says
	}
	return s.Pages.Show(v.w, http.StatusOK, "signin.html", signInView{
		Style: s.Pages.Style(), Title: title, Tenant: t.tenant.Name,
		Client: t.client.Name, Voucher: voucher(t.client),
		Destination: redirectHost(t.RedirectURI), Local: !strings.HasPrefix(t.RedirectURI, "https:"), Scopes: scopeTexts(t.Scope),
		Until: t.ExpiresAt.UTC(), State: t.state, Problem: problem, Email: email,
		Password: offer.Password, Providers: offer.Providers,
		RefreshDays: int(s.RefreshLife.Hours() / 24),
	})
}

// scopeTexts says in words what is granted.
func scopeTexts(scope string) []string {
	var texts []string
	for name := range strings.FieldsSeq(scope) {
		if name == scopeMCP {
			texts = append(texts, "List the tools that you may use, and use them in your name", "Read the data that those tools return")
		}
	}
	return texts
}
