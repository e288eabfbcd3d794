package httpx

import "net/http"

// The content security policies of contract 15.1. CSPData is on every response
// unless a page sets its own.
const (
	CSPData  = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
	CSPAdmin = CSPData + "; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
	// CSPSignIn leaves form-action out: browsers apply it to the redirect
	// after the POST too, which goes to the client (contract 4.6).
	CSPSignIn = CSPData + "; style-src 'self'; img-src 'self'"
	CSPDocs   = CSPData + "; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'"
)

// SetCSP replaces the policy of this response.
func SetCSP(w http.ResponseWriter, policy string) {
	w.Header().Set("Content-Security-Policy", policy)
}

// SetPopup prepares the SSO pop-up page: its one script carries the nonce, and
// it may talk to the window that opened it (contract 15.1).
func SetPopup(w http.ResponseWriter, nonce string) {
	SetCSP(w, CSPSignIn+"; script-src 'nonce-"+nonce+"'")
	w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none")
}

// setSecurityHeaders sets what every response has (contract 15.1). Cache-Control
// begins at no-store, which is right for every authenticated answer; the few
// public documents and assets say otherwise themselves.
// The values share one array because this is on the way of every call.
func setSecurityHeaders(h http.Header) {
	names := [...]string{
		"X-Content-Type-Options", "X-Frame-Options", "Strict-Transport-Security", "Content-Security-Policy",
		"Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cache-Control",
	}
	values := []string{
		"nosniff", "DENY", "max-age=31536000; includeSubDomains", CSPData,
		"no-referrer", "same-origin", "same-origin", "no-store",
	}
	for i, name := range names {
		h[name] = values[i : i+1 : i+1]
	}
}

const (
	corsMethods = "GET, POST, PATCH, DELETE, OPTIONS"
	corsHeaders = "Authorization, Content-Type, X-API-Key, Accept, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID"
	corsExposed = "WWW-Authenticate, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-ID, Mcp-Session-Id"
)

// allowOrigin sets the CORS headers (contract 1: no credentials) and reports
// whether the request is a preflight, which it then has answered.
func (f *Front) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Add("Vary", "Origin") // also without Origin: caches must not mix the two answers
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
	if f.origins[origin] {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsExposed)
		if preflight {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", "600")
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}
