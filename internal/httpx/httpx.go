// Package httpx is what every HTTP door shares: handlers that return errors,
// the one table from fault kinds to statuses, strict JSON, and the [Front]
// that gives each request its id, client address, headers and log line.
package httpx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Handler is an http.Handler that may fail. The error is answered by
// [WriteError], so a handler either writes a response or returns an error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP runs the handler and answers its error.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		WriteError(w, r, err)
	}
}

// Write answers with v as JSON. Nothing is sent when v cannot be encoded. Bytes
// that are no text, such as a caller put into its own URL, become U+FFFD:
// an answer with a scar is better than none.
func Write(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	return WriteJSON(w, status, body)
}

// WriteJSON answers with a body that is JSON already.
func WriteJSON(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fault.Wrap(fault.Canceled, err, clientGone)
	}
	return nil
}

const clientGone = "Client closed request"

// statusClientGone is nginx's code for a caller who left: nobody reads it but
// the log.
const statusClientGone = 499

// Status returns the HTTP status of a fault kind (contract 1).
func Status(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unprocessable:
		return http.StatusUnprocessableEntity
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.BadGateway:
		return http.StatusBadGateway
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Timeout:
		return http.StatusGatewayTimeout
	case fault.Canceled:
		return statusClientGone
	default:
		return http.StatusInternalServerError
	}
}

// errorBody is the error shape of contract 1.
type errorBody struct {
	Detail    any    `json:"detail"`
	RequestID string `json:"request_id,omitzero"`
}

// WriteError answers err as contract 1 says. The cause goes to the request's
// one log line, never to the caller. When the response has begun, only the log
// line tells.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	Note(w, err)
	if begun(w) {
		return
	}
	var v *Validation
	if errors.As(err, &v) {
		answer(w, http.StatusUnprocessableEntity, errorBody{Detail: v.Problems})
		return
	}
	f := Classify(r.Context(), err)
	setFaultHeaders(w.Header(), f)
	answer(w, Status(f.Kind), bodyOf(r, f))
}

// Classify returns err as a fault. A cancellation that nobody classified is
// the caller's, when the caller is gone.
func Classify(ctx context.Context, err error) *fault.Error {
	f := fault.Of(err)
	if f.Kind == fault.Internal && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return fault.Wrap(fault.Canceled, err, clientGone)
	}
	return f
}

func bodyOf(r *http.Request, f *fault.Error) errorBody {
	switch {
	case f.Kind == fault.Internal:
		return errorBody{Detail: "Internal Server Error", RequestID: RequestID(r.Context())}
	case f.Kind == fault.Unprocessable && f.Field != "":
		return errorBody{Detail: []Problem{{Type: "value_error", Loc: []string{"body", f.Field}, Msg: f.Public}}}
	default:
		return errorBody{Detail: f.Public}
	}
}

func setFaultHeaders(h http.Header, f *fault.Error) {
	if f.RetryAfter > 0 {
		h.Set("Retry-After", seconds(f.RetryAfter))
	}
	// A door with a challenge of its own (MCP) has set it already.
	if f.Kind == fault.Unauthenticated && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", "Bearer")
	}
}

// answer sends an error body, which always encodes.
func answer(w http.ResponseWriter, status int, body errorBody) {
	if err := Write(w, status, body); err != nil {
		Note(w, err)
	}
}

// SetRateLimit tells the caller where it stands in a limit (contract 1).
func SetRateLimit(w http.ResponseWriter, limit, remaining int, reset time.Duration) {
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, remaining)))
	h.Set("RateLimit-Reset", seconds(reset))
}

// seconds rounds up, so that a caller who waits that long does not come early.
func seconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}
