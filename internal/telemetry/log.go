// Package telemetry is how the gateway tells operators what it does: JSON log
// lines without secrets, and Prometheus metrics.
package telemetry

import (
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Logs makes loggers that write one JSON line {ts, level, logger, msg, …} per
// record (contract 1).
type Logs struct{ handler slog.Handler }

// NewLogs returns logs that write lines of at least level to w.
func NewLogs(w io.Writer, level slog.Leveler) Logs {
	return Logs{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replace})}
}

// Logger returns the logger of one part of the gateway.
func (l Logs) Logger(name string) *slog.Logger {
	return slog.New(l.handler).With(slog.String("logger", name))
}

// replace gives the fixed members their names and removes secrets. Redaction
// here is the second fence: code does not log secrets in the first place, but
// a driver's error text or a header map may hold one.
func replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey:
			return slog.String("ts", a.Value.Time().UTC().Format(time.RFC3339Nano))
		case slog.LevelKey:
			return slog.String("level", levelName(a.Value))
		}
	}
	return slog.Attr{Key: a.Key, Value: scrub(a.Key, a.Value)}
}

func levelName(v slog.Value) string {
	level, ok := v.Any().(slog.Level)
	if ok && level == slog.LevelWarn {
		return "WARNING" // as LOG_LEVEL spells it
	}
	return v.String()
}

const redacted = "REDACTED"

func scrub(key string, v slog.Value) slog.Value {
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindString:
		if namesSecret(key) && v.String() != "" {
			return slog.StringValue(redacted)
		}
		return slog.StringValue(ScrubText(v.String()))
	case slog.KindAny:
		return scrubAny(key, v)
	default: // numbers, times and flags hold no secret: max_tokens stays readable
		return v
	}
}

func scrubAny(key string, v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil:
		return v
	case error:
		return slog.StringValue(ScrubText(x.Error()))
	case http.Header:
		return slog.AnyValue(scrubHeader(x))
	}
	if namesSecret(key) {
		return slog.StringValue(redacted)
	}
	return v
}

func scrubHeader(h http.Header) http.Header {
	clean := make(http.Header, len(h))
	for name, values := range h {
		if namesSecret(name) {
			clean[name] = []string{redacted}
			continue
		}
		for _, value := range values {
			clean[name] = append(clean[name], ScrubText(value))
		}
	}
	return clean
}

// namesSecret reports whether a value under this name is a secret whole.
func namesSecret(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for _, part := range []string{"authorization", "api_key", "apikey", "cookie", "password", "passwd", "secret", "token", "connection_string", "dsn", "private_key", "encryption_key", "code_verifier"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

var (
	// Up to the last @ of the word: what is no proper URL is what drivers
	// complain about, a password with an unencoded / or @ for one.
	urlPassword = regexp.MustCompile(`(://[^/\s:@]*:)\S*@`)
	// A key's prefix is public (contract 2.4) and helps to find it.
	gatewayKey  = regexp.MustCompile(`(mgw_(?:rt|[A-Za-z0-9_-]{8}))_[A-Za-z0-9_-]{20,}`)
	jwtText     = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	dsnPassword = regexp.MustCompile(`(?i)\b(password|pwd)=('[^']*'|[^\s;&]+)`)
)

// ScrubText removes passwords in URLs and connection strings, API keys,
// refresh tokens and JWTs from a text.
func ScrubText(s string) string {
	if strings.Contains(s, "://") {
		s = urlPassword.ReplaceAllString(s, "${1}"+redacted+"@")
	}
	if strings.Contains(s, "mgw_") {
		s = gatewayKey.ReplaceAllString(s, "${1}_"+redacted)
	}
	if strings.Contains(s, "eyJ") {
		s = jwtText.ReplaceAllString(s, redacted)
	}
	if strings.Contains(s, "=") {
		s = dsnPassword.ReplaceAllString(s, "${1}="+redacted)
	}
	return s
}
