package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
)

func TestPrefersHTML(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/plain": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true,
		"TEXT/HTML": true, "text/html;q=0.5, application/json": false, "application/json;q=0.5, text/html;q=0.9": true,
		"text/html;q=0": false, "text/html;q=x": false,
	} {
		if got := page.PrefersHTML(accept); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

// TestErrors holds contract 1, Browser routes: the page has the status and the
// text of the JSON, and nothing of the cause.
func TestErrors(t *testing.T) {
	set, err := page.New("/gw")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		err    error
		status int
		text   []string
	}{
		"refusal":   {fault.New(fault.Forbidden, "Not in any authorised group"), 403, []string{"Not in any authorised group", "Not a member of any authorized group"}},
		"escaped":   {fault.New(fault.Invalid, "<b>no</b>"), 400, []string{"&lt;b&gt;no&lt;/b&gt;"}},
		"our fault": {fault.New(fault.Internal, "secret"), 500, []string{"Internal Server Error", "request number"}},
		"too many":  {&fault.Error{Kind: fault.RateLimited, Public: "Slow down", RetryAfter: time.Second}, 429, []string{"Slow down", "Wait a minute"}},
		"invalid":   {httpx.Invalid(httpx.Missing("query", "state")), 422, []string{"state"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept", "text/html")
			w := httptest.NewRecorder()
			set.Errors(func(http.ResponseWriter, *http.Request) error { return tt.err }).ServeHTTP(w, r)
			if w.Code != tt.status || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), `href="/gw/pages/style.css?v=`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			for _, text := range tt.text {
				if !strings.Contains(w.Body.String(), text) {
					t.Errorf("no %q in %s", text, w.Body)
				}
			}
		})
	}
}
