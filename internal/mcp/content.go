package mcp

import (
	"encoding/base64"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// appendBlocks appends content blocks as a JSON array.
func appendBlocks(dst []byte, v version, blocks []tool.Content) []byte {
	dst = append(dst, '[')
	for i := range blocks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendBlock(dst, v, &blocks[i])
	}
	return append(dst, ']')
}

// appendBlock appends one content block. A kind that the client's protocol
// does not have yet becomes a text, so that its reader at least knows of it.
func appendBlock(dst []byte, v version, c *tool.Content) []byte {
	switch {
	case c.Kind == tool.ContentImage, c.Kind == tool.ContentAudio && v.audio():
		return appendData(dst, c)
	case c.Kind == tool.ContentAudio:
		return appendText(dst, "[audio, "+c.MIMEType+", which this protocol version cannot carry]")
	case c.Kind == tool.ContentResource && c.Resource != nil:
		dst = appendContents(append(dst, `{"type":"resource","resource":`...), c.Resource)
		return append(dst, '}')
	case c.Kind == tool.ContentLink && c.Link != nil && v.links():
		return appendLink(dst, c.Link)
	case c.Kind == tool.ContentLink && c.Link != nil:
		return appendText(dst, c.Link.Name+": "+c.Link.URI)
	default:
		return appendText(dst, c.Text)
	}
}

func appendText(dst []byte, text string) []byte {
	return append(tool.AppendString(append(dst, `{"type":"text","text":`...), text), '}')
}

func appendData(dst []byte, c *tool.Content) []byte {
	dst = tool.AppendString(append(dst, `{"type":`...), string(c.Kind))
	dst = append(dst, `,"data":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, c.Data)
	return append(tool.AppendString(append(dst, `","mimeType":`...), c.MIMEType), '}')
}

func appendLink(dst []byte, l *tool.ResourceLink) []byte {
	dst = tool.AppendString(append(dst, `{"type":"resource_link","uri":`...), l.URI)
	dst = tool.AppendString(append(dst, `,"name":`...), l.Name)
	dst = appendMember(dst, "description", l.Description)
	return append(appendMember(dst, "mimeType", l.MIMEType), '}')
}

// appendContents appends the contents of a resource.
func appendContents(dst []byte, c *tool.Contents) []byte {
	dst = tool.AppendString(append(dst, `{"uri":`...), c.URI)
	dst = appendMember(dst, "mimeType", c.MIMEType)
	if c.Blob == nil {
		return append(tool.AppendString(append(dst, `,"text":`...), c.Text), '}')
	}
	dst = append(dst, `,"blob":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, c.Blob), `"}`...)
}

// appendMember appends another member of an object, unless it is empty.
func appendMember(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(tool.AppendString(append(dst, ','), name), ':')
	return tool.AppendString(dst, value)
}
