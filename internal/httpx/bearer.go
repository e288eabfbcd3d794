package httpx

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// RequireBearer lets only requests with the operator's token through to next
// (contract 3.1, METRICS_TOKEN). Without a token there is nothing to guard and
// the route does not exist.
func RequireBearer(token string, next http.Handler) http.Handler {
	if token == "" {
		return Handler(NotFound)
	}
	return Handler(func(w http.ResponseWriter, r *http.Request) error {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return fault.New(fault.Unauthenticated, "Not authenticated")
		}
		if !EqualSecrets(strings.TrimSpace(sent), token) {
			return fault.New(fault.Unauthenticated, "Invalid token")
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// EqualSecrets compares in a time that tells nothing of either text, not even
// its length.
func EqualSecrets(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
