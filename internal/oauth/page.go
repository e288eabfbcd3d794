package oauth

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

//go:embed pages
var pageFiles embed.FS

// stylePath serves the style sheet of the pages. It is outside of /t/…/oauth,
// where nothing may be cached.
const stylePath = "/oauth/pages.css"

// pages are the pages that a person sees on the way: plain HTML without script
// (contract 4.6).
type pages struct {
	html      *template.Template
	style     []byte
	styleLink string // with the content's hash, so that it can be kept for ever
}

func newPages(basePath string) (*pages, error) {
	html, err := template.ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	style, err := pageFiles.ReadFile("pages/pages.css")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(style)
	return &pages{html, style, basePath + stylePath + "?v=" + hex.EncodeToString(sum[:8])}, nil
}

func (p *pages) serveStyle(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err := w.Write(p.style)
	return err
}

// show answers with a page. Nothing is sent when it cannot be rendered.
func (p *pages) show(w http.ResponseWriter, status int, name string, data any) error {
	var body bytes.Buffer
	if err := p.html.ExecuteTemplate(&body, name, data); err != nil {
		return err
	}
	httpx.SetCSP(w, httpx.CSPSignIn)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// signInView is what the sign-in and consent page shows (contract 4.6).
type signInView struct {
	Style, Title, Tenant  string
	Client                string
	Voucher               string // the host that vouches for the client, "" for an unverified one
	Destination           string // where the answer goes
	Local                 bool   // the destination is this computer
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
	destination := redirectHost(t.RedirectURI)
	u, _ := parseRedirect(t.RedirectURI)
	return s.pages.show(v.w, http.StatusOK, "signin.html", signInView{
		Style: s.pages.styleLink, Title: "Sign in to " + t.tenant.Name, Tenant: t.tenant.Name,
		Client: t.client.Name, Voucher: documentHost(t.client),
		Destination: destination, Local: u != nil && isLoopback(u), Scopes: scopeTexts(t.Scope),
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
			texts = append(texts, "List the tools that you may use, and use them in your name")
			texts = append(texts, "Read the data that those tools return")
		}
	}
	return texts
}

// problemView is an error for a person.
type problemView struct {
	Style, Title, Text, Hint, RequestID string
	Status                              int
}

func (s *Server) problemPage(v *visit, status int, e errorBody) error {
	return s.pages.show(v.w, status, "problem.html", problemView{
		Style: s.pages.styleLink, Title: "Sign-in did not work", Text: e.Detail, Hint: hint(status, e),
		RequestID: v.from.RequestID, Status: status,
	})
}

// hint says what a person can do.
func hint(status int, e errorBody) string {
	switch {
	case e.Detail == textState:
		return "This page was open for too long, was used already, or belongs to another browser. Go back to the app and connect again."
	case e.Detail == "Tenant has not configured Entra ID SSO":
		return "Entra ID not configured for this tenant."
	case status == http.StatusTooManyRequests:
		return "Wait a minute, then try again."
	case status >= http.StatusInternalServerError:
		return "This is not your fault. Try again in a moment; if it stays, tell your administrator the request number below."
	default:
		return "Go back to the app and connect again. If it stays, tell your administrator what it says above."
	}
}

// prefersHTML reports whether the caller is a browser rather than a program:
// text/html must be named, and not be wanted less than JSON (RFC 9110, section
// 12.5.1).
func prefersHTML(accept string) bool {
	html, data := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html":
			html = max(html, quality(parameters))
		case "application/json":
			data = max(data, quality(parameters))
		}
	}
	return html > 0 && html >= data
}

func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0
			}
			return q
		}
	}
	return 1
}
