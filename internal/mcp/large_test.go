package mcp

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/relay"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// bigTable returns a table of about n bytes of JSON, with text that has to be
// escaped.
func bigTable(t *testing.T, n int) *tool.Table {
	t.Helper()
	table := tool.NewTable([]tool.Column{{Name: "id"}, {Name: "te\"xt"}}, n)
	for row := 0; ; row++ {
		more, err := table.Row(func(dst []byte, column int) ([]byte, error) {
			if column == 0 {
				return strconv.AppendInt(dst, int64(row), 10), nil
			}
			return tool.AppendString(dst, strings.Repeat("a\"\\\né", 50)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return table
		}
	}
}

// TestLargeTableIsTheSameInPieces compares the answer that is sent in pieces
// with the one that is built in memory, for each form of a result.
func TestLargeTableIsTheSameInPieces(t *testing.T) {
	h := New(Config{Version: "test", Relay: relay.New(relay.Config{})})
	for _, v := range []version{v20250326, v20250618, v20260728} {
		table := bigTable(t, largeAbove+100_000)
		a := h.encodeResult(&exchange{version: v, msg: &message{id: []byte("7")}}, &tool.Result{Table: table})
		if a.table == nil || a.len() != -1 {
			t.Fatalf("%s: a table of %d bytes is not sent in pieces", v, table.JSONSize())
		}
		var sent bytes.Buffer
		if err := a.writeTo(&sent); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Result struct {
				Content           []struct{ Type, Text string }
				StructuredContent json.RawMessage
				IsError           *bool
			}
		}
		if err := json.Unmarshal(sent.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		want := string(table.AppendJSON(nil))
		if got.Result.Content[0].Text != want {
			t.Errorf("%s: the text is not the table", v)
		}
		if structured := string(got.Result.StructuredContent); v.structured() && structured != want || !v.structured() && structured != "" {
			t.Errorf("%s: structuredContent is not the table", v)
		}
		if got.Result.IsError == nil || *got.Result.IsError {
			t.Errorf("%s: isError is missing or true", v)
		}
	}
}
