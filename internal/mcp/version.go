package mcp

import (
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// version is an MCP protocol revision. Revisions are dates, so that they
// compare as text.
type version string

// The revisions the gateway speaks.
const (
	v20241105 version = "2024-11-05" // HTTP+SSE
	v20250326 version = "2025-03-26"
	v20250618 version = "2025-06-18"
	v20251125 version = "2025-11-25"
	v20260728 version = "2026-07-28" // stateless
)

// modern reports whether requests of this revision stand alone, without
// initialize.
func (v version) modern() bool { return v >= v20260728 }

// structured reports whether results carry structuredContent and tools their
// title and outputSchema.
func (v version) structured() bool { return v >= v20250618 }

// audio reports whether content may be a sound.
func (v version) audio() bool { return v >= v20250326 }

// links reports whether content may be a link to a resource.
func (v version) links() bool { return v >= v20250618 }

// batches reports whether a body may hold several messages.
func (v version) batches() bool { return v == v20250326 }

// supported lists what Streamable HTTP offers, newest first.
func supported() []version { return []version{v20260728, v20251125, v20250618, v20250326} }

func supportedJSON() []byte {
	out := []byte{'['}
	for i, v := range supported() {
		if i > 0 {
			out = append(out, ',')
		}
		out = tool.AppendString(out, string(v))
	}
	return append(out, ']')
}

// earlier reports whether v is a revision that begins with initialize.
// 2024-11-05 is accepted on every transport: its clients differ only in what
// they can read, and that is a subset.
func (v version) earlier() bool {
	return slices.Contains([]version{v20251125, v20250618, v20250326, v20241105}, v)
}

// negotiate answers the version that initialize asks for: the same one, or the
// newest that begins with initialize.
func negotiate(asked string) version {
	if v := version(asked); v.earlier() {
		return v
	}
	return v20251125
}

// claimsModern reports whether the text names a stateless revision, one that
// exists or one that may come.
func claimsModern(v string) bool {
	return len(v) == len(v20260728) && isDigit(v[0]) && strings.Count(v, "-") == 2 && version(v).modern()
}
