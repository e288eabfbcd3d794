package httpx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// through sends r through a Front and returns the answer and the log lines.
func through(t *testing.T, h http.Handler, r *http.Request) (*httptest.ResponseRecorder, []map[string]any) {
	t.Helper()
	var log bytes.Buffer
	w := httptest.NewRecorder()
	NewFront(FrontConfig{Next: h, Log: slog.New(slog.NewJSONHandler(&log, nil)), Origins: []string{"https://ui.example"}}).ServeHTTP(w, r)
	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, m)
	}
	return w, lines
}

func failing(err error) http.Handler {
	return Handler(func(http.ResponseWriter, *http.Request) error { return err })
}

func TestEveryResponseHasTheSecurityHeaders(t *testing.T) {
	preflight := httptest.NewRequest("OPTIONS", "/auth/login", nil)
	preflight.Header.Set("Origin", "https://evil.example")
	preflight.Header.Set("Access-Control-Request-Method", "POST")
	for name, tc := range map[string]struct {
		h http.Handler
		r *http.Request
	}{
		"success":   {failing(nil), httptest.NewRequest("GET", "/", nil)},
		"error":     {failing(errors.New("x")), httptest.NewRequest("GET", "/", nil)},
		"not found": {NewMux(), httptest.NewRequest("GET", "/", nil)},
		"preflight": {NewMux(), preflight},
		"panic":     {http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), httptest.NewRequest("GET", "/", nil)},
	} {
		w, _ := through(t, tc.h, tc.r)
		for header, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
			"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if w.Header().Get("X-Request-ID") == "" {
			t.Errorf("%s: no X-Request-ID", name)
		}
	}
}

func TestPopupMayTalkToItsOpener(t *testing.T) {
	w := httptest.NewRecorder()
	SetPopup(w, "abc")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'nonce-abc'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	if got := w.Header().Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
		t.Errorf("opener policy %q", got)
	}
}

func TestCORS(t *testing.T) {
	request := func(method, origin, asks string) http.Header {
		r := httptest.NewRequest(method, "/x", nil)
		r.Header.Set("Origin", origin)
		if asks != "" {
			r.Header.Set("Access-Control-Request-Method", asks)
		}
		w, _ := through(t, failing(nil), r)
		return w.Header()
	}
	if got := request("GET", "https://ui.example", ""); got.Get("Access-Control-Allow-Origin") != "https://ui.example" || got.Get("Vary") != "Origin" {
		t.Errorf("listed origin: %v", got)
	} else if !strings.Contains(got.Get("Access-Control-Expose-Headers"), "Mcp-Session-Id") {
		t.Errorf("a page cannot read its session: %v", got)
	}
	listed := request("OPTIONS", "https://ui.example", "PATCH")
	if !strings.Contains(listed.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(listed.Get("Access-Control-Allow-Headers"), "Mcp-Session-Id") {
		t.Errorf("preflight: %v", listed)
	}
	for _, origin := range []string{"https://evil.example", "null", "https://ui.example.evil.example", "http://ui.example"} {
		for _, h := range []http.Header{request("GET", origin, ""), request("OPTIONS", origin, "GET")} {
			for name := range h {
				if strings.HasPrefix(name, "Access-Control") {
					t.Errorf("%s got %s: %s", origin, name, h.Get(name))
				}
			}
		}
	}
	if got := listed.Get("Access-Control-Allow-Credentials"); got != "" {
		t.Errorf("credentials allowed: %q", got)
	}
}

func TestFaultIsLoggedOnceWithItsCause(t *testing.T) {
	r := httptest.NewRequest("GET", "/query?api_key=mgw_hunter2&skip=1", nil)
	w, lines := through(t, failing(fault.Wrap(fault.Unavailable, errors.New("connection refused"), "Database unavailable")), r)
	if len(lines) != 1 {
		t.Fatalf("%d log lines, want 1", len(lines))
	}
	line := lines[0]
	if line["level"] != "ERROR" || line["error"] != "Database unavailable: connection refused" || line["request_id"] != w.Header().Get("X-Request-ID") {
		t.Errorf("log line %v", line)
	}
	if line["query"] != "api_key=REDACTED&skip=1" || line["status"] != float64(503) || line["ip"] != "192.0.2.1" {
		t.Errorf("log line %v", line)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken invariant") })
	w, lines := through(t, h, httptest.NewRequest("GET", "/", nil))
	want := `{"detail":"Internal Server Error","request_id":"` + w.Header().Get("X-Request-ID") + `"}`
	if w.Code != 500 || w.Body.String() != want {
		t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
	}
	if len(lines) != 1 || lines[0]["error"] != "panic: broken invariant" || !strings.Contains(lines[0]["stack"].(string), "front_test.go") {
		t.Errorf("log %v", lines)
	}
}

func TestHalfSentPanicCutsTheConnection(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		panic("late")
	})
	srv := httptest.NewServer(NewFront(FrontConfig{Next: h, Log: slog.New(slog.DiscardHandler)}))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the caller takes %q for whole", body)
	}
}

func TestErrorAfterTheFirstByteIsOnlyLogged(t *testing.T) {
	h := Handler(func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "event: rows\n\n")
		return errors.New("database went away")
	})
	w, lines := through(t, h, httptest.NewRequest("GET", "/", nil))
	if w.Body.String() != "event: rows\n\n" || lines[0]["error"] != "database went away" {
		t.Errorf("sent %q, logged %v", w.Body, lines)
	}
}

func TestSuccessfulProbesAreNotLogged(t *testing.T) {
	for _, path := range []string{"/health", "/livez", "/readyz"} {
		if _, lines := through(t, failing(nil), httptest.NewRequest("GET", path, nil)); len(lines) != 0 {
			t.Errorf("%s: %v", path, lines)
		}
	}
	if _, lines := through(t, failing(fault.New(fault.Unavailable, "x")), httptest.NewRequest("GET", "/health", nil)); len(lines) != 1 {
		t.Error("a failed probe is not logged")
	}
}

func TestObserverSeesTheRoute(t *testing.T) {
	m := NewMux()
	m.HandleManagement("GET", "/tools/{tool_name...}", failing(fault.New(fault.NotFound, "x")))
	var seen []any
	f := NewFront(FrontConfig{Next: m, Log: slog.New(slog.DiscardHandler), Observe: func(method, route string, status int, _ time.Duration) {
		seen = append(seen, method, route, status)
	}})
	f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/tools/a/b", nil))
	if d := cmp.Diff([]any{"GET", "GET /tools/{tool_name...}", 404}, seen); d != "" {
		t.Error(d)
	}
}

// deadlines is a writer that records the read deadlines set on it.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

func TestBodyDeadlineIsLiftedForTheStream(t *testing.T) {
	h := Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := ReadBody(w, r, 10)
		return err
	})
	f := NewFront(FrontConfig{Next: h, Log: slog.New(slog.DiscardHandler)})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	f.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader("body")))
	if len(w.set) != 2 || w.set[0].IsZero() || !w.set[1].IsZero() {
		t.Errorf("deadlines %v, want one and then none", w.set)
	}
	w = &deadlines{ResponseRecorder: httptest.NewRecorder()}
	f.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if len(w.set) != 1 || !w.set[0].IsZero() {
		t.Errorf("deadlines %v without a body, want only the lifting", w.set)
	}
}

func TestResponsesStream(t *testing.T) {
	release := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		select {
		case <-release:
			_, _ = io.WriteString(w, "second\n")
		case <-r.Context().Done():
		}
	})
	srv := httptest.NewServer(NewFront(FrontConfig{Next: h, Log: slog.New(slog.DiscardHandler)}))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	close(release)
	if line, err := lines.ReadString('\n'); line != "second\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	got := make(chan error, 1)
	h := Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := ReadBody(w, r, 100)
		got <- err
		return err
	})
	srv := httptest.NewServer(NewFront(FrontConfig{Next: h, Log: slog.New(slog.DiscardHandler), BodyTimeout: 20 * time.Millisecond}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nslow"); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestRedactQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                             "",
		"skip=1&limit=2":               "skip=1&limit=2",
		"code=a&State=b&nonce=c&x=1":   "code=REDACTED&State=REDACTED&nonce=REDACTED&x=1",
		"%61pi_key=mgw_x":              "%61pi_key=REDACTED",
		"session_id=1&session_state=2": "session_id=REDACTED&session_state=REDACTED",
		"token=a&token=b":              "token=REDACTED&token=REDACTED",
		"%zz=secret&flag":              "REDACTED&flag",
	} {
		if got := RedactQuery(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
