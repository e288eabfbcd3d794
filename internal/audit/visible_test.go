package audit_test

import (
	"encoding/json"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
)

// TestRecordsDoNotDeceiveTheirReaders puts characters that turn or hide text
// into every kind of metadata and decodes what is stored, as a reader does.
func TestRecordsDoNotDeceiveTheirReaders(t *testing.T) {
	const sent = "a\u202eb\u2066c\u200fd\u061ce\x1b[2Jf\u0085g\x7fh\x00i"
	const seen = `a\u202eb\u2066c\u200fd\u061ce\u001b[2Jf\u0085g\u007fh\u0000i`
	type named struct {
		Name string `json:"name"`
	}
	for name, value := range map[string]any{
		"text": sent, "list": []string{sent}, "map": map[string]any{"a": map[string]any{sent: sent}}, "struct": named{sent},
		"raw": json.RawMessage(`{"a":"x\u202ey \\u202e \u0041"}`), "raw text": json.RawMessage("{\"a\":\"x\u202ey\"}"),
		"error": []any{1, nil, sent},
	} {
		doc, err := audit.Event{UserEmail: sent, Metadata: map[string]any{name: value}}.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(doc, &back); err != nil {
			t.Fatalf("%s: %v in %s", name, err, doc)
		}
		checkVisible(t, name, back)
		if name == "text" && back.(map[string]any)["text"] != seen {
			t.Errorf("text = %q, want %q", back.(map[string]any)["text"], seen)
		}
		if raw, ok := back.(map[string]any)["raw"]; ok && raw.(map[string]any)["a"] != `x\u202ey \u202e A` {
			t.Errorf("raw = %q", raw)
		}
	}
}

func checkVisible(t *testing.T, name string, v any) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if v != audit.Visible(v) {
			t.Errorf("%s: a reader gets %q", name, v)
		}
	case []any:
		for _, item := range v {
			checkVisible(t, name, item)
		}
	case map[string]any:
		for key, item := range v {
			checkVisible(t, name, key)
			checkVisible(t, name, item)
		}
	}
}

func TestVisibleLeavesOrdinaryTextAlone(t *testing.T) {
	for _, s := range []string{"", "SELECT 1", "Zoë\n\tß 日本 😀 e\u0301", `\u202e as written`} {
		if got := audit.Visible(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestAKeptStatementIsNoPartOfTheRecord(t *testing.T) {
	e := audit.Event{Name: "tool.x", Metadata: map[string]any{"sql_full": audit.Kept("SELECT secret"), "a": 1}}
	if doc, err := e.JSON(); err != nil || string(doc) != `{"a":1}` {
		t.Errorf("document %s, %v", doc, err)
	}
	if e.Statement() != "SELECT secret" {
		t.Errorf("kept %q", e.Statement())
	}
	sent := audit.Event{Name: "tool.x", Metadata: map[string]any{"sql_full": "from a caller"}}
	if sent.Statement() != "" {
		t.Error("a caller's own text is kept")
	}
}
