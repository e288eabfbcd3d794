package gate_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// TestWholeNumbers: what the schema takes for an integer, the tool can decode.
func TestWholeNumbers(t *testing.T) {
	var got string
	numbers := tool.Func("numbers", "", identity.Viewer, func(_ context.Context, _ tool.Env, in struct {
		I    int     `json:"i"`
		F    float64 `json:"f,omitempty"`
		Text string  `json:"text,omitempty"`
		List []int64 `json:"list,omitempty"`
	}) (*tool.Result, error) {
		b, err := json.Marshal(in)
		got = string(b)
		return tool.Text(got), err
	})
	for args, want := range map[string]string{
		`{"i":10.0}`:                         `{"i":10}`,
		`{"i":1e2}`:                          `{"i":100}`,
		`{"i":-0.0}`:                         `{"i":0}`,
		`{"i":9007199254740993}`:             `{"i":9007199254740993}`,
		`{"i":1,"f":2.5}`:                    `{"i":1,"f":2.5}`,
		`{"i":1,"f":1e300}`:                  `{"i":1,"f":1e+300}`,
		`{"i":1.0,"text":"1.0 \" 2.0 \\"}`:   `{"i":1,"text":"1.0 \" 2.0 \\"}`,
		`{"i":1,"list":[1.0, 2 , 3E0,-4.0]}`: `{"i":1,"list":[1,2,3,-4]}`,
	} {
		g := newGate(&recorder{}, nil, nil, numbers)
		if _, err := g.Call(t.Context(), analyst(), "numbers", json.RawMessage(args)); err != nil || got != want {
			t.Errorf("%s: tool got %s, %v, want %s", args, got, err, want)
		}
	}
	g := newGate(&recorder{}, nil, nil, numbers)
	if _, err := g.Call(t.Context(), analyst(), "numbers", json.RawMessage(`{"i":1.5}`)); err == nil || !strings.Contains(err.Error(), "Input validation error: i: ") {
		t.Errorf("1.5 for an integer: %v", err)
	}
}
