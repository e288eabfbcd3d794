package httpx

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

type newThing struct {
	Name    string        `json:"name"`
	Count   int           `json:"count"`
	On      bool          `json:"on"`
	Tags    []string      `json:"tags"`
	Role    identity.Role `json:"role,omitzero"`
	Expires *time.Time    `json:"expires_at"`
	Inner   struct {
		Key string `json:"key"`
	} `json:"inner"`
}

func decode(contentType, body string) (newThing, error) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return Decode[newThing](httptest.NewRecorder(), r)
}

func TestDecode(t *testing.T) {
	got, err := decode("application/json; charset=utf-8", `{"name":"a","count":2,"on":true,"tags":["x"],"role":"analyst","unknown":1}`)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(newThing{Name: "a", Count: 2, On: true, Tags: []string{"x"}, Role: identity.Analyst}, got); d != "" {
		t.Error(d)
	}
}

func TestDecodeRefusals(t *testing.T) {
	for name, tc := range map[string]struct{ body, problem, kind string }{
		"malformed":        {`{"name":`, "body: JSON decode error", "json_invalid"},
		"trailing":         {`{} {}`, "body: JSON decode error", "json_invalid"},
		"bad UTF-8":        {"{\"name\":\"\xff\"}", "body: JSON decode error", "json_invalid"},
		"empty":            {" \n", "body: Field required", "missing"},
		"duplicate":        {`{"name":"a","name":"b"}`, "body.name: Duplicate member", "json_duplicate"},
		"inner duplicate":  {`{"inner":{"key":"a","key":"b"}}`, "body.inner.key: Duplicate member", "json_duplicate"},
		"unknown twice":    {`{"x":1,"x":2}`, "body.x: Duplicate member", "json_duplicate"},
		"wrong case":       {`{"NAME":"a"}`, "body.NAME: Unknown field; did you mean 'name'?", "extra_forbidden"},
		"two cases":        {`{"name":"a","Name":"b"}`, "body.Name: Unknown field; did you mean 'name'?", "extra_forbidden"},
		"number as string": {`{"name":1}`, "body.name: Input should be a valid string", "string_type"},
		"string as number": {`{"count":"1"}`, "body.count: Input should be a valid integer", "int_type"},
		"fraction":         {`{"count":1.5}`, "body.count: Input should be a valid integer", "int_type"},
		"huge":             {`{"count":1e400}`, "body.count: Input should be a valid integer", "int_type"},
		"text as bool":     {`{"on":"true"}`, "body.on: Input should be a valid boolean", "bool_type"},
		"object as list":   {`{"tags":{}}`, "body.tags: Input should be a valid list", "list_type"},
		"list as object":   {`{"inner":[]}`, "body.inner: Input should be a valid object", "dict_type"},
		"inner list item":  {`{"tags":["a",1]}`, "body.tags.1: Input should be a valid string", "string_type"},
		"list at top":      {`[]`, "body: Input should be a valid object", "dict_type"},
		"unknown role":     {`{"role":"owner"}`, "body.role: Value error, not a valid value", "value_error"},
		"many values":      {`{"x":[` + strings.Repeat("{},", 10_000) + `0]}`, "body: The body is refused: too many JSON values", "json_too_large"},
		"many members":     {`{` + strings.Repeat(`"x":0,`, 10_000) + `"x":0}`, "body: The body is refused: too many JSON values", "json_too_large"},
		"deep":             {strings.Repeat("[", 129) + strings.Repeat("]", 129), "body: The body is refused: nested deeper than 128 levels", "json_too_large"},
		"digits":           {`{"count":` + strings.Repeat("7", 1001) + `}`, "body: The body is refused: a number is longer than 1000 characters", "json_too_large"},
		"bad time":         {`{"expires_at":"soon"}`, "body.expires_at: Value error, not a valid value", "value_error"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode("application/json", tc.body)
			v, ok := errors.AsType[*Validation](err)
			if !ok || v.Error() != tc.problem || v.Problems[0].Type != tc.kind {
				t.Errorf("got %v, want %s (%s)", err, tc.problem, tc.kind)
			}
		})
	}
}

func TestDecodeRefusesOtherContentTypes(t *testing.T) {
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json,text/plain", "text/json+json"} {
		if _, err := decode(ct, `{"name":"a"}`); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("%q: %v", ct, err)
		}
	}
	if _, err := decode("application/merge-patch+json", `{"name":"a"}`); err != nil {
		t.Error(err)
	}
}

func TestBodyLimit(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"told":     strings.NewReader(strings.Repeat("x", 11)),
		"not told": io.MultiReader(strings.NewReader(strings.Repeat("x", 11))),
	} {
		_, err := ReadBody(httptest.NewRecorder(), httptest.NewRequest("POST", "/", body), 10)
		if !fault.Is(err, fault.TooLarge) || fault.Of(err).Public != "Request body too large" {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := ReadBody(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader("0123456789")), 10)
	if err != nil || string(got) != "0123456789" {
		t.Errorf("a body of exactly the limit: %q, %v", got, err)
	}
}

func TestBrokenBodyIsTheCallersFault(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), brokenReader{}))
	if _, err := ReadBody(httptest.NewRecorder(), r, 10); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"name":"a","NAME":"b"}`, `{"count":1e9}`, `null`, `{"inner":{"key":null}}`, `[`, `{"\u006eame":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if _, err := decode("application/json", body); err != nil && !fault.Is(err, fault.Unprocessable) {
			t.Errorf("%q: %v", body, err)
		}
	})
}
