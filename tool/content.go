package tool

// Content is one block of a result that is more than a text: the fields of its
// kind are set (MCP 2025-11-25, server/tools, "Tool Result"). Make one with
// [TextContent], [Image], [Audio], [Embed] or [Link].
type Content struct {
	Kind ContentKind
	Text string // ContentText
	Data []byte // ContentImage, ContentAudio
	// MIMEType describes Data.
	MIMEType string
	Resource *Contents     // ContentResource
	Link     *ResourceLink // ContentLink
}

// ContentKind is the "type" of a content block.
type ContentKind string

// The kinds of content block. A client whose protocol is older than a kind
// (audio: 2025-03-26, resource_link: 2025-06-18) reads a text in its place.
const (
	ContentText     ContentKind = "text"
	ContentImage    ContentKind = "image"
	ContentAudio    ContentKind = "audio"
	ContentResource ContentKind = "resource"
	ContentLink     ContentKind = "resource_link"
)

// Contents is what a resource holds: a text, or bytes when Blob is not nil.
type Contents struct {
	URI      string
	MIMEType string // "" when unknown
	Text     string
	Blob     []byte
}

// ResourceLink points to a resource that the client may read if it wants.
type ResourceLink struct {
	URI         string
	Name        string
	Description string // "" for none
	MIMEType    string // "" when unknown
}

// TextContent is a block of text.
func TextContent(s string) Content { return Content{Kind: ContentText, Text: s} }

// Image is a picture, such as a chart, in the format of mimeType.
func Image(mimeType string, data []byte) Content {
	return Content{Kind: ContentImage, MIMEType: mimeType, Data: data}
}

// Audio is a sound in the format of mimeType.
func Audio(mimeType string, data []byte) Content {
	return Content{Kind: ContentAudio, MIMEType: mimeType, Data: data}
}

// Embed is a resource that comes with the result.
func Embed(c Contents) Content { return Content{Kind: ContentResource, Resource: &c} }

// Link is a resource that the client may read.
func Link(l ResourceLink) Content { return Content{Kind: ContentLink, Link: &l} }

// Blocks returns a result of content blocks.
func Blocks(blocks ...Content) *Result { return &Result{Content: blocks} }
