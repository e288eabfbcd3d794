package audit_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
)

// TestDocumentIsEncodedAsByEncodingJSON holds that hashes and readers of
// records see the same bytes as ever.
func TestDocumentIsEncodedAsByEncodingJSON(t *testing.T) {
	type pair struct {
		A string `json:"a"`
		B *int   `json:"b"`
	}
	for name, value := range map[string]any{
		"plain": "SELECT 1", "empty": "", "quotes": `a "b" \c`, "html": "a < b && c > d", "line ends": "a\n\t\r",
		"not ASCII": "Zo\u00eb \u2028", "not UTF-8": "a\xffb", "int": -7, "int64": int64(math.MinInt64), "bool": true,
		"float": 1.5, "nil": nil, "list": []string{"a", "<"}, "empty list": []string{}, "no list": []string(nil), "map": map[string]int{"b": 1, "a": 2}, "struct": pair{A: "x"},
		"raw": json.RawMessage(`{"a": 1}`), "<name>": 1, "na\"me": 2,
	} {
		e := audit.Event{UserEmail: "a@b.example", RequestID: "r1", Auth: "token", Metadata: map[string]any{name: value, "zz": 1, "a": 2}}
		want, err := json.Marshal(e.Document())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.JSON(); err != nil || string(got) != string(want) {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
	e := audit.Event{Metadata: map[string]any{"f": func() {}}}
	if got, err := e.JSON(); err == nil {
		t.Errorf("a func is encoded as %s", got)
	}
}

func BenchmarkJSON(b *testing.B) {
	e := audit.Event{UserEmail: "admin@acme.example", RequestID: "0194f3c2-7b1e-7c3a-9d55-0123456789ad", Auth: "api_key", Metadata: map[string]any{
		"tool": "execute_sql_people_0194f3c2", "connection_id": "0194f3c2-7b1e-7c3a-9d55-0123456789ab",
		"sql_preview": "SELECT id, name, email FROM people WHERE id = 4711", "row_count": 1, "truncated": false, "duration_ms": int64(2),
	}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.JSON(); err != nil {
			b.Fatal(err)
		}
	}
}
