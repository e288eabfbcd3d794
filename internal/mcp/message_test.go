package mcp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzParse: whatever is accepted is strict JSON whose members are where
// encoding/json finds them too, and its slices lie inside the body.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":[1,2,{"b":null}]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
		`[{"jsonrpc":"2.0","id":"a\u0062","method":"ping"},{"jsonrpc":"2.0","method":"notifications/x","params":null}]`,
		`{"jsonrpc":"2.0","id":1,"Method":"ping"}`, `{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"a":1,"a":2}`, `[[[[`, `"\ud800"`, "\xff", `{"jsonrpc":"2.0","m\u0065thod":"ping","id":-0}`, ``,
	} {
		f.Add([]byte(seed))
	}
	var reader parsers
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		msgs, batch, err := parse(&reader, body)
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if err.status < 400 || err.message == "" || !jsontext.Value(err.append(nil, nil)).IsValid() {
				t.Fatalf("refusal %+v", err)
			}
			return
		}
		if !jsontext.Value(body).IsValid() {
			t.Fatalf("accepted what is not strict JSON: %q", body)
		}
		var want []map[string]json.RawMessage
		one := make([]map[string]json.RawMessage, 1)
		if batch {
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatal(err)
			}
		} else if err := json.Unmarshal(body, &one[0]); err != nil {
			t.Fatal(err)
		} else {
			want = one
		}
		if len(want) != len(msgs) {
			t.Fatalf("%d messages, want %d", len(msgs), len(want))
		}
		for i, m := range msgs {
			sameMessage(t, m, want[i])
		}
	})
}

func sameMessage(t *testing.T, m message, want map[string]json.RawMessage) {
	t.Helper()
	var method string
	_ = json.Unmarshal(want["method"], &method)
	if method != m.method {
		t.Errorf("method %q, want %q", m.method, method)
	}
	if string(want["id"]) != "null" && !m.response && !bytes.Equal(want["id"], m.id) {
		t.Errorf("id %s, want %s", m.id, want["id"])
	}
	var params map[string]json.RawMessage
	_ = json.Unmarshal(want["params"], &params)
	for name, got := range map[string][]byte{"name": m.params.name, "arguments": m.params.arguments, "cursor": m.params.cursor} {
		if w := params[name]; string(w) != "null" && !bytes.Equal(w, got) {
			t.Errorf("%s = %s, want %s", name, got, w)
		}
	}
}

// TestParseCopiesNothing: the arguments of a large call are the body's bytes.
func TestParseCopiesNothing(t *testing.T) {
	body := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"sql":"` +
		string(bytes.Repeat([]byte("y"), 1<<20)) + `"}}}`)
	var reader parsers
	msgs, _, err := parse(&reader, body)
	if err != nil {
		t.Fatal(err)
	}
	args := msgs[0].params.arguments
	at := bytes.Index(body, []byte(`{"sql"`))
	if &args[0] != &body[at] {
		t.Error("arguments were copied")
	}
	if _, _, err := parse(&reader, []byte(pingBody)); err != nil { // reuses the reader
		t.Fatal(err)
	}
	if !bytes.Equal(args, body[at:at+len(args)]) {
		t.Error("arguments changed when the reader was reused")
	}
}

const pingBody = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

func TestBatchBounds(t *testing.T) {
	var reader parsers
	batch := func(n int) []byte {
		return []byte("[" + string(bytes.Join(slices.Repeat([][]byte{[]byte(pingBody)}, n), []byte(","))) + "]")
	}
	if msgs, _, err := parse(&reader, batch(maxBatch)); err != nil || len(msgs) != maxBatch {
		t.Errorf("%d messages: %v", maxBatch, err)
	}
	if _, _, err := parse(&reader, batch(maxBatch+1)); err != errBatchSize {
		t.Errorf("%d messages: %v", maxBatch+1, err)
	}
}

func FuzzQuoted(f *testing.F) {
	f.Add(`{"a":"x\ny","b":[1]}`)
	f.Fuzz(func(t *testing.T, s string) {
		if !jsontext.Value(s).IsValid() {
			return
		}
		var back string
		if err := json.Unmarshal(appendQuoted(nil, []byte(s)), &back); err != nil || back != s {
			t.Errorf("%q came back as %q (%v)", s, back, err)
		}
	})
}

func TestDecodeHeader(t *testing.T) {
	tests := []struct {
		in, want string
		ok       bool
	}{
		{"greet", "greet", true},
		{"=?base64?Z3JlZXQ=?=", "greet", true},
		{"=?base64?w6TDtg==?=", "äö", true},
		{"=?base64??=", "", true},
		{"=?base64?=", "=?base64?=", true}, // no room for the value: not the form
		{"=?base64?***?=", "", false},
		{"=?BASE64?Z3JlZXQ=?=", "=?BASE64?Z3JlZXQ=?=", true},
	}
	for _, tt := range tests {
		if got, ok := decodeHeader(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("decodeHeader(%q) = %q, %v", tt.in, got, ok)
		}
	}
}

func TestAccepts(t *testing.T) {
	tests := []struct {
		header    []string
		json, sse bool
	}{
		{nil, true, true},
		{[]string{"*/*"}, true, true},
		{[]string{"application/json"}, true, false},
		{[]string{"application/json, text/event-stream"}, true, true},
		{[]string{"application/json", "text/event-stream"}, true, true},
		{[]string{"Text/Event-Stream;q=0.9"}, false, true},
		{[]string{"application/*"}, true, false},
		{[]string{"text/html"}, false, false},
	}
	for _, tt := range tests {
		r := &http.Request{Header: http.Header{"Accept": tt.header}}
		if got := accepts(r, "application/json"); got != tt.json {
			t.Errorf("%v accepts JSON: %v", tt.header, got)
		}
		if got := accepts(r, "text/event-stream"); got != tt.sse {
			t.Errorf("%v accepts SSE: %v", tt.header, got)
		}
	}
}

func TestDescribesObject(t *testing.T) {
	tests := map[string]bool{
		`{"type":"object"}`: true, `{"properties":{"type":{"type":"string"}},"type":"object"}`: true,
		`{"type":"array"}`: false, `{"type":["object","null"]}`: false, `{}`: false, `true`: false, `{"properties":{"type":"object"}}`: false, `{`: false,
	}
	for schema, want := range tests {
		if got := describesObject([]byte(schema)); got != want {
			t.Errorf("describesObject(%s) = %v", schema, got)
		}
	}
}

func TestParamHeaders(t *testing.T) {
	var schema annotated
	text := `{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"},
		"on":{"type":"boolean","x-mcp-header":"On"},"deep":{"type":"object","properties":{"id":{"type":"string","x-mcp-header":"Deep-Id"}}},"free":{"type":"string"}}}`
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		t.Fatal(err)
	}
	number := func(s string) any { return json.Number(s) }
	tests := []struct {
		name   string
		header http.Header
		args   map[string]any
		ok     bool
	}{
		{"nothing", nil, nil, true},
		{"all equal", http.Header{"Mcp-Param-Region": {"eu"}, "Mcp-Param-N": {"7"}, "Mcp-Param-On": {"true"}, "Mcp-Param-Deep-Id": {"x"}},
			map[string]any{"region": "eu", "n": number("7"), "on": true, "deep": map[string]any{"id": "x"}, "free": "y"}, true},
		{"encoded", http.Header{"Mcp-Param-Region": {"=?base64?w6Q=?="}}, map[string]any{"region": "ä"}, true},
		{"number in another form", http.Header{"Mcp-Param-N": {"7.0"}}, map[string]any{"n": number("7")}, true},
		{"other value", http.Header{"Mcp-Param-Region": {"us"}}, map[string]any{"region": "eu"}, false},
		{"other number", http.Header{"Mcp-Param-N": {"8"}}, map[string]any{"n": number("7")}, false},
		{"other truth", http.Header{"Mcp-Param-On": {"false"}}, map[string]any{"on": true}, false},
		{"header missing", nil, map[string]any{"region": "eu"}, false},
		{"argument missing", http.Header{"Mcp-Param-Region": {"eu"}}, nil, false},
		{"argument null", http.Header{"Mcp-Param-Region": {"eu"}}, map[string]any{"region": nil}, false},
		{"deep header missing", nil, map[string]any{"deep": map[string]any{"id": "x"}}, false},
		{"argument is a list", http.Header{"Mcp-Param-Region": {"eu"}}, map[string]any{"region": []any{"eu"}}, false},
		{"bad base64", http.Header{"Mcp-Param-Region": {"=?base64?*?="}}, map[string]any{"region": "*"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := schema.check(tt.header, tt.args); (err == nil) != tt.ok {
				t.Errorf("= %+v", err)
			} else if err != nil && err.code != codeHeaderMismatch {
				t.Errorf("code %d", err.code)
			}
		})
	}
}

// parse is what a door does with a body.
func parse(reader *parsers, body []byte) ([]message, bool, *rpcError) {
	if _, refusal := measureBody(body); refusal != nil {
		return nil, false, refusal
	}
	return reader.decode(body)
}
