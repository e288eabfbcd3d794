package auth

import (
	"net/http"
	"strings"
)

// keyPrefix begins every API key (contract 2.4).
const keyPrefix = "mgw_"

// refreshPrefix begins a refresh token (contract 4.4), which looks like a key
// and is none.
const refreshPrefix = "mgw_rt_"

// carrier is where a credential came from.
type carrier uint8

const (
	carriedNowhere carrier = iota
	carriedByAuthorization
	carriedByKeyHeader
	carriedByQuery
	carriedByToken
)

// credential is what a request carries, unchecked. An Authorization header
// that holds no bearer token leaves value empty: it is a bad credential, not a
// missing one.
type credential struct {
	carrier carrier
	value   string
}

// isKey reports whether the credential is to be read as an API key. A key may
// be drawn that begins like a refresh token; those are shorter.
func (c credential) isKey() bool {
	return c.carrier == carriedByKeyHeader || c.carrier == carriedByQuery || wellFormedKey(c.value) ||
		strings.HasPrefix(c.value, keyPrefix) && !strings.HasPrefix(c.value, refreshPrefix)
}

// credentialOf returns the first credential in the contract's order (2.1).
// A bad one is not covered up by a good one further down.
func credentialOf(r *http.Request, allowQuery bool) credential {
	if header, ok := single(r.Header, "Authorization"); ok {
		return credential{carriedByAuthorization, bearer(header)}
	}
	if header, ok := single(r.Header, "X-Api-Key"); ok {
		return credential{carriedByKeyHeader, strings.TrimSpace(header)}
	}
	if allowQuery && strings.Contains(r.URL.RawQuery, "api_key=") {
		if q := r.URL.Query(); q.Has("api_key") {
			return credential{carriedByQuery, q.Get("api_key")}
		}
	}
	return credential{}
}

// queryToken reads the ?token= of the deprecated MCP endpoints (contract 6.1).
func queryToken(r *http.Request) credential {
	if q := r.URL.Query(); q.Has("token") {
		return credential{carriedByToken, q.Get("token")}
	}
	return credential{}
}

// single returns the value of a header that must not be repeated: of two
// Authorization headers, a proxy may have judged the other one.
func single(h http.Header, name string) (string, bool) {
	switch values := h[name]; len(values) {
	case 0:
		return "", false
	case 1:
		return values[0], true
	default:
		return "", true
	}
}

// bearer returns the token of an Authorization header, "" when it holds none.
// The scheme is compared without case (RFC 9110, section 11.1).
func bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
