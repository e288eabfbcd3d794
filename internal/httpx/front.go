package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// FrontConfig is what a [Front] is made of.
type FrontConfig struct {
	Next    http.Handler
	Log     *slog.Logger
	Proxies Proxies
	Origins []string // CORS
	// BodyTimeout is how long a request body may take, 0 means 60 s.
	BodyTimeout time.Duration
	// Observe is told of every answered request; nil is allowed. route is the
	// pattern that matched, "" for none.
	Observe func(method, route string, status int, took time.Duration)
}

// Front stands before every door: it gives a request its id and client
// address, sets the security and CORS headers, turns panics into answers and
// writes the one log line. It keeps responses streaming.
type Front struct {
	FrontConfig
	origins map[string]bool
}

// NewFront returns the front of cfg.Next.
func NewFront(cfg FrontConfig) *Front {
	f := &Front{FrontConfig: cfg, origins: make(map[string]bool)}
	if f.BodyTimeout <= 0 {
		f.BodyTimeout = time.Minute
	}
	for _, o := range cfg.Origins {
		f.origins[o] = true
	}
	return f
}

// ServeHTTP serves one request.
func (f *Front) ServeHTTP(under http.ResponseWriter, r *http.Request) {
	start := time.Now()
	r = f.identify(r)
	w := &response{ResponseWriter: under}
	setSecurityHeaders(w.Header())
	w.Header().Set("X-Request-ID", RequestID(r.Context()))
	defer f.finish(w, r, start)
	defer catch(w, r)
	if f.allowOrigin(w, r) {
		return
	}
	f.limitBody(w, r)
	f.Next.ServeHTTP(w, r)
}

type requestIDKey struct{}

// RequestID returns the id of the request whose context this is, "" for none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// identify gives the request its id, and its client's address as RemoteAddr.
// An incoming X-Request-ID is not taken over: ids are in audit records, and a
// caller must not be able to choose one that another request has.
func (f *Front) identify(r *http.Request) *http.Request {
	id := uuid.Must(uuid.NewV7()).String()
	client := f.Proxies.client(r)
	peer := ClientIP(r)
	r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
	if client != peer {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	}
	return r
}

// limitBody sets the deadline for reading the body, which [ReadBody] lifts.
// http.Server.ReadTimeout would end streamed responses too.
func (f *Front) limitBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(f.BodyTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		Note(w, fmt.Errorf("set body deadline: %w", err))
	}
}

// panicError is a panic that was caught, with the stack for the log.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// catch answers a panic with 500. When the response has begun it cannot be
// mended, so the connection is cut: a caller must not take half for whole.
func catch(w *response, r *http.Request) {
	value := recover()
	if value == nil {
		return
	}
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(value)
	}
	halfSent := w.status != 0
	WriteError(w, r, &panicError{value, debug.Stack()})
	if halfSent {
		panic(http.ErrAbortHandler)
	}
}

// finish writes the log line and tells the observer.
func (f *Front) finish(w *response, r *http.Request, start time.Time) {
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	took := time.Since(start)
	if f.Observe != nil {
		f.Observe(r.Method, r.Pattern, status, took)
	}
	level := levelOf(status)
	if isProbe(r.URL.Path) && status < 300 || !f.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", RequestID(r.Context())), slog.String("method", r.Method),
		slog.String("path", r.URL.Path), slog.String("query", RedactQuery(r.URL.RawQuery)),
		slog.Int("status", status), slog.Int64("bytes", w.bytes),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("ip", addrText(ClientIP(r))), slog.String("user_agent", r.UserAgent()),
	}
	f.Log.LogAttrs(r.Context(), level, "request", append(attrs, causeOf(w.err)...)...)
}

// addrText is the address as records show it, "" for none.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func isProbe(path string) bool { return path == "/health" || path == "/livez" || path == "/readyz" }

func levelOf(status int) slog.Level {
	if status >= 500 {
		return slog.LevelError
	}
	return slog.LevelInfo
}

func causeOf(err error) (attrs []slog.Attr) {
	if err == nil {
		return nil
	}
	attrs = append(attrs, slog.String("error", err.Error()))
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	return attrs
}

// RedactQuery replaces the values of the parameters that carry credentials
// (contract 1, log redaction). A name that cannot be decoded is replaced whole.
func RedactQuery(raw string) string {
	if raw == "" {
		return ""
	}
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, _, hasValue := strings.Cut(part, "=")
		decoded, err := url.QueryUnescape(name)
		switch {
		case err != nil:
			parts[i] = "REDACTED"
		case hasValue && isCredential(decoded):
			parts[i] = name + "=REDACTED"
		}
	}
	return strings.Join(parts, "&")
}

func isCredential(param string) bool {
	switch strings.ToLower(param) {
	case "code", "api_key", "token", "state", "session_state", "session_id", "nonce":
		return true
	}
	return false
}

// NotFound is the answer to a path that nobody serves (contract 1).
func NotFound(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotFound, "Not Found")
}
