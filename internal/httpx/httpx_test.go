package httpx

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// answerOf runs a handler that fails with err.
func answerOf(err error) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	Handler(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	return w
}

func TestFaultsHaveTheContractsAnswers(t *testing.T) {
	secret := errors.New("dial db.internal: password hunter2")
	for name, tc := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"invalid":       {fault.New(fault.Invalid, "Slug already taken"), 400, `{"detail":"Slug already taken"}`},
		"unauthorised":  {fault.New(fault.Unauthenticated, "Invalid token"), 401, `{"detail":"Invalid token"}`},
		"forbidden":     {fault.New(fault.Forbidden, "Tenant is disabled"), 403, `{"detail":"Tenant is disabled"}`},
		"not found":     {fault.New(fault.NotFound, "User not found"), 404, `{"detail":"User not found"}`},
		"conflict":      {fault.New(fault.Conflict, "exists"), 409, `{"detail":"exists"}`},
		"large":         {fault.New(fault.TooLarge, "Request body too large"), 413, `{"detail":"Request body too large"}`},
		"plain 422":     {fault.New(fault.Unprocessable, "client_secret is required"), 422, `{"detail":"client_secret is required"}`},
		"field":         {fault.Field("name", "Too long"), 422, `{"detail":[{"type":"value_error","loc":["body","name"],"msg":"Too long","input":null}]}`},
		"rate":          {fault.New(fault.RateLimited, "Rate limit exceeded: 5 per 1 minute"), 429, `{"detail":"Rate limit exceeded: 5 per 1 minute"}`},
		"gateway":       {fault.Wrap(fault.BadGateway, secret, "Identity provider is unavailable"), 502, `{"detail":"Identity provider is unavailable"}`},
		"unavailable":   {fault.Wrap(fault.Unavailable, secret, "Database unavailable"), 503, `{"detail":"Database unavailable"}`},
		"timeout":       {fault.New(fault.Timeout, "Timed out"), 504, `{"detail":"Timed out"}`},
		"unclassified":  {secret, 500, `{"detail":"Internal Server Error"}`},
		"broken text":   {fault.New(fault.NotFound, "Unknown tool: a\xff"), 404, `{"detail":"Unknown tool: a�"}`},
		"internal text": {fault.Wrap(fault.Internal, secret, "hunter2"), 500, `{"detail":"Internal Server Error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := answerOf(tc.err)
			if w.Code != tc.status || w.Body.String() != tc.body {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tc.status, tc.body)
			}
			if ct := w.Header().Get("Content-Type"); ct != "application/json" {
				t.Errorf("content type %q", ct)
			}
		})
	}
}

func TestFaultHeaders(t *testing.T) {
	w := answerOf(&fault.Error{Kind: fault.RateLimited, RetryAfter: 1200 * time.Millisecond})
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want 2: a caller must not come early", got)
	}
	if got := answerOf(fault.New(fault.Unauthenticated, "x")).Header().Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("challenge %q", got)
	}
	w = httptest.NewRecorder()
	w.Header().Set("WWW-Authenticate", `Bearer realm="mcp-gateway"`)
	WriteError(w, httptest.NewRequest("GET", "/", nil), fault.New(fault.Unauthenticated, "x"))
	if got := w.Header().Values("WWW-Authenticate"); len(got) != 1 || got[0] != `Bearer realm="mcp-gateway"` {
		t.Errorf("the door's own challenge became %q", got)
	}
	w = httptest.NewRecorder()
	SetRateLimit(w, 5, -1, 30*time.Second+1)
	want := http.Header{"Ratelimit-Limit": {"5"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"31"}}
	if d := cmp.Diff(want, w.Header()); d != "" {
		t.Error(d)
	}
}

func TestCallerWhoLeftIsNotAFault(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if k := Classify(ctx, context.Canceled).Kind; k != fault.Canceled {
		t.Errorf("kind %d with the caller gone", k)
	}
	if k := Classify(t.Context(), context.Canceled).Kind; k != fault.Internal {
		t.Errorf("kind %d with the caller waiting", k)
	}
}

func TestWriteSendsNothingThatDoesNotEncode(t *testing.T) {
	w := httptest.NewRecorder()
	if err := Write(w, 200, map[string]any{"f": func() {}}); err == nil {
		t.Error("a function was encoded")
	}
	if w.Body.Len() > 0 {
		t.Errorf("sent %q", w.Body)
	}
	if err := Write(w, 201, []string(nil)); err != nil || w.Body.String() != "[]" || w.Code != 201 {
		t.Errorf("an empty list: %d %s %v", w.Code, w.Body, err)
	}
}

func TestValidationEchoesNoSecrets(t *testing.T) {
	err := Invalid(
		BadEmail("a b", "body", "email"),
		BadValue("hunter2", "too short", "body", "admin_password"),
		BadValue("hunter2", "bad", "body", "connection_string"),
		Problem{Type: "x", Loc: []string{"body", "name"}, Msg: "m", Input: strings.Repeat("é", 4000)},
		Missing("body", "slug"),
	)
	if !fault.Is(err, fault.Unprocessable) {
		t.Error("a Validation is not an Unprocessable fault")
	}
	body := answerOf(err).Body.String()
	if strings.Contains(body, "hunter2") || len(body) > 1200 {
		t.Errorf("%d bytes: %s", len(body), body)
	}
	first := `{"detail":[{"type":"value_error","loc":["body","email"],"msg":"Value error, Invalid email address format","input":"a b"}`
	if !strings.HasPrefix(body, first) {
		t.Errorf("got %s", body)
	}
	if Invalid() != nil {
		t.Error("no problems is an error")
	}
}

// TestValidationIsShort: whatever a body repeats or how much of it is wrong, the
// answer is short.
func TestValidationIsShort(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	var many []Problem
	for range 10_000 {
		many = append(many, Missing("body", long[:100]))
	}
	for name, problems := range map[string][]Problem{
		"a long name":   {Missing("body", long)},
		"a long text":   {BadValue(long, "bad", "body", "x")},
		"a long reason": {BadValue(nil, long, "body", "x")},
		"a long list":   {BadValue([]any{long}, "bad", "body", "x")},
		"an object":     {BadValue(map[string]any{"x": long}, "bad", "body", "x")},
		"many":          many,
	} {
		if body := answerOf(Invalid(problems...)).Body.String(); len(body) > 50*200 || !strings.Contains(body, `"loc":["body","x`) {
			t.Errorf("%s: %d bytes: %.300s", name, len(body), body)
		}
	}
	loc := []string{"body", long}
	if _ = Invalid(Missing(loc...)); loc[1] != long {
		t.Error("what the caller of Invalid holds is changed")
	}
}

func TestPaging(t *testing.T) {
	for query, want := range map[string]struct {
		skip, limit int
		problem     string
	}{
		"":                  {0, 50, ""},
		"skip=7&limit=10":   {7, 10, ""},
		"limit=100000":      {0, 200, ""},
		"skip=-1":           {problem: "query.skip: Input should be greater than or equal to 0"},
		"limit=0":           {problem: "query.limit: Input should be greater than or equal to 1"},
		"limit=ten&skip=-1": {problem: "query.skip: Input should be greater than or equal to 0; query.limit: Input should be a valid integer, unable to parse string as an integer"},
	} {
		skip, limit, err := Paging(httptest.NewRequest("GET", "/?"+query, nil), 50, 200)
		if want.problem != "" {
			if err == nil || err.Error() != want.problem {
				t.Errorf("%q: got %v, want %s", query, err, want.problem)
			}
			continue
		}
		if err != nil || skip != want.skip || limit != want.limit {
			t.Errorf("%q: %d, %d, %v", query, skip, limit, err)
		}
	}
}
