// Package page renders the pages that a person sees between two others: on the
// way to a sign-in, and when that goes wrong. They are plain HTML (contract 4.6).
package page

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"math"
	"net/http"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

//go:embed files
var files embed.FS

// stylePath serves the style sheet. It is outside of /auth and /t, where
// nothing may be cached.
const stylePath = "/pages/style.css"

// Set is the pages.
type Set struct {
	html  *template.Template
	style []byte
	icon  []byte
	link  string // with the content's hash, so that it can be kept for ever
}

// New returns the pages of a gateway that lies under basePath.
func New(basePath string) (*Set, error) {
	html, err := template.ParseFS(files, "files/*.html")
	if err != nil {
		return nil, err
	}
	style, err := files.ReadFile("files/pages.css")
	if err != nil {
		return nil, err
	}
	icon, err := files.ReadFile("files/icon.svg")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(style)
	return &Set{html, style, icon, basePath + stylePath + "?v=" + hex.EncodeToString(sum[:8])}, nil
}

// Mount adds the style sheet and the icon that browsers ask for.
func (s *Set) Mount(mux *httpx.Mux) {
	mux.Handle("GET "+stylePath, asset("text/css; charset=utf-8", "public, max-age=31536000, immutable", s.style))
	mux.Handle("GET /favicon.ico", asset("image/svg+xml", "public, max-age=86400", s.icon))
}

func asset(contentType, caching string, content []byte) httpx.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", caching)
		_, err := w.Write(content)
		return err
	}
}

// Style is the address of the style sheet, which every page names.
func (s *Set) Style() string { return s.link }

// Show answers with a page without script. Nothing is sent when it cannot be
// rendered.
func (s *Set) Show(w http.ResponseWriter, status int, name string, data any) error {
	httpx.SetCSP(w, httpx.CSPSignIn)
	return s.render(w, status, name, data)
}

func (s *Set) render(w http.ResponseWriter, status int, name string, data any) error {
	var body bytes.Buffer
	if err := s.html.ExecuteTemplate(&body, name, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// problem is an error for a person.
type problem struct {
	Style, Title, Text, Hint, RequestID string
	Status                              int
}

// Errors renders the handler's errors as pages for callers who prefer that
// (contract 1, Browser routes). Status and text are the same as in JSON.
func (s *Set) Errors(h httpx.Handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Add("Vary", "Accept")
		err := h(w, r)
		if err == nil || !PrefersHTML(r.Header.Get("Accept")) {
			return err
		}
		f := httpx.Classify(r.Context(), err)
		if f.Kind == fault.Canceled {
			return err
		}
		httpx.Note(w, err)
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		}
		return s.Problem(w, r, f)
	}
}

// Problem answers with the page of a fault.
func (s *Set) Problem(w http.ResponseWriter, r *http.Request, f *fault.Error) error {
	status, text := httpx.Status(f.Kind), f.Public
	if f.Kind == fault.Internal {
		text = "Internal Server Error"
	}
	return s.Show(w, status, "problem.html", problem{
		Style: s.link, Title: "Sign-in did not work", Text: text, Hint: hint(status, text),
		RequestID: httpx.RequestID(r.Context()), Status: status,
	})
}

// hint says what a person can do (contract 5.4, HTML rendering).
func hint(status int, text string) string {
	switch {
	case text == "Invalid or expired OAuth2 state":
		return "This page was open for too long, was used already, or belongs to another browser. Go back to where you came from and start again."
	case text == "Tenant has not configured Entra ID SSO":
		return "Entra ID not configured for this tenant"
	case text == "Not in any authorised group":
		return "Not a member of any authorized group"
	case status == http.StatusTooManyRequests:
		return "Wait a minute, then try again."
	case status >= http.StatusInternalServerError:
		return "This is not your fault. Try again in a moment; if it stays, tell your administrator the request number below."
	default:
		return "Go back to where you came from and start again. If it stays, tell your administrator what it says above."
	}
}

// popup hands a one-time code to the page that opened this one.
type popup struct {
	Style, Title, CSPNonce string
	Code, Nonce, Origin    string
}

// Popup answers with the page of contract 5.2 (pop-up): it posts the code to
// its opener, if that is of the origin, and closes. Without an opener it shows
// the code.
func (s *Set) Popup(w http.ResponseWriter, code, nonce, origin string) error {
	cspNonce := rand.Text()
	httpx.SetPopup(w, cspNonce)
	return s.render(w, http.StatusOK, "popup.html", popup{
		Style: s.link, Title: "You are signed in", CSPNonce: cspNonce, Code: code, Nonce: nonce, Origin: origin,
	})
}
