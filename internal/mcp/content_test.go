package mcp

import (
	"encoding/json"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

func TestContentBlocks(t *testing.T) {
	blocks := []tool.Content{
		tool.TextContent(`say "hi"`),
		tool.Image("image/png", []byte{0x89, 'P'}),
		tool.Audio("audio/wav", []byte("RIFF")),
		tool.Embed(tool.Contents{URI: "test://a", MIMEType: "text/plain", Text: "inside"}),
		tool.Embed(tool.Contents{URI: "test://b", Blob: []byte{}}),
		tool.Link(tool.ResourceLink{URI: "test://c", Name: "c", Description: "the third"}),
		{Kind: tool.ContentResource}, // a mistake in a tool must not break the message
	}
	const (
		head  = `[{"type":"text","text":"say \"hi\""},{"type":"image","data":"iVA=","mimeType":"image/png"},`
		audio = `{"type":"audio","data":"UklGRg==","mimeType":"audio/wav"},`
		mid   = `{"type":"resource","resource":{"uri":"test://a","mimeType":"text/plain","text":"inside"}},{"type":"resource","resource":{"uri":"test://b","blob":""}},`
		tail  = `,{"type":"text","text":""}]`
	)
	for v, want := range map[version]string{
		v20260728: head + audio + mid + `{"type":"resource_link","uri":"test://c","name":"c","description":"the third"}` + tail,
		v20250326: head + audio + mid + `{"type":"text","text":"c: test://c"}` + tail,
		v20241105: head + `{"type":"text","text":"[audio, audio/wav, which this protocol version cannot carry]"},` + mid + `{"type":"text","text":"c: test://c"}` + tail,
	} {
		got := string(appendBlocks(nil, v, blocks))
		if got != want {
			t.Errorf("%s:\n%s, want\n%s", v, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: not JSON", v)
		}
	}
}
