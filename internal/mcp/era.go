package mcp

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// The headers of Streamable HTTP.
const (
	headerVersion = "Mcp-Protocol-Version"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
)

// The quirks of real clients that the gateway serves although the text of the
// specification would refuse them. Each is counted by Config.Quirk.
const (
	// QuirkHeaderMismatch is a 2025-11-25 header over a 2026-07-28 body, as
	// Claude's connectors send it (anthropics/claude-code #93290).
	QuirkHeaderMismatch = "header_mismatch"
	// QuirkModernInitialize is initialize under a 2026-07-28 header.
	QuirkModernInitialize = "modern_initialize"
)

// era says which revision a message speaks, and which quirk had to be allowed
// for. One URL serves both eras (contract 6.2): the version in _meta, or a
// header of 2026-07-28 on, makes a request stateless; initialize makes it
// earlier. Mcp-Method says nothing: mcp-remote sends it in both eras.
func (h *Handler) era(header http.Header, m *message) (v version, quirk string, err *rpcError) {
	inHeader := header.Get(headerVersion)
	inMeta, metaIsText := unquote(m.params.meta.protocolVersion)
	modernMeta := metaIsText && claimsModern(inMeta)
	if m.method == "initialize" && !(modernMeta && claimsModern(inHeader)) {
		if claimsModern(inHeader) {
			quirk = QuirkModernInitialize
		}
		asked, _ := unquote(m.params.protocolVersion)
		return negotiate(asked), quirk, nil
	}
	if modernMeta || claimsModern(inHeader) {
		quirk, err = h.checkModern(header, m, inHeader, inMeta)
		return v20260728, quirk, err
	}
	v, err = earlierVersion(inHeader)
	return v, "", err
}

// earlierVersion reads the header that follows initialize. Without one the
// specification says to assume 2025-03-26.
func earlierVersion(inHeader string) (version, *rpcError) {
	if inHeader == "" {
		return v20250326, nil
	}
	if v := version(inHeader); v.earlier() {
		return v, nil
	}
	return "", unsupportedVersion(inHeader)
}

// checkModern holds a stateless message against its headers.
func (h *Handler) checkModern(header http.Header, m *message, inHeader, inMeta string) (quirk string, err *rpcError) {
	if !h.cfg.StrictHeaders && version(inHeader) == v20251125 && version(inMeta) == v20260728 {
		inHeader, quirk = inMeta, QuirkHeaderMismatch
	}
	if err := checkVersions(m, inHeader, inMeta); err != nil {
		return quirk, err
	}
	if m.isRequest() && !h.modernMethod(m.method) {
		return quirk, unknownMethod(m.method)
	}
	return quirk, checkRouting(header, m, quirk != QuirkHeaderMismatch)
}

// checkVersions compares the version header with _meta, which requests must
// have and notifications may.
func checkVersions(m *message, inHeader, inMeta string) *rpcError {
	switch {
	case inHeader == "":
		return headerMismatch("MCP-Protocol-Version header is required")
	case inMeta == "" && m.isRequest():
		return invalidParams("_meta must hold " + metaVersion)
	case inMeta != "" && inHeader != inMeta:
		return headerMismatch("MCP-Protocol-Version " + clip(inHeader) + " does not match _meta " + clip(inMeta))
	case version(inHeader) != v20260728:
		return unsupportedVersion(inHeader)
	case m.isRequest() && m.params.meta.clientCapabilities == nil:
		return invalidParams("_meta must hold " + metaCapabilities)
	}
	return nil
}

// checkRouting compares Mcp-Method and Mcp-Name with the body: an
// intermediary may have decided by them. With required false they may be
// missing, but not differ.
func checkRouting(header http.Header, m *message, required bool) *rpcError {
	if m.response {
		return invalidRequest("The client may not send responses")
	}
	if err := checkHeader(header, headerMethod, m.method, required); err != nil {
		return err
	}
	named, what := m.params.name, ""
	switch m.method {
	case "tools/call":
		what = "Tool name"
	case "prompts/get":
		what = "Prompt name"
	case "resources/read":
		named, what = m.params.uri, "Resource URI"
	default:
		return nil
	}
	name, ok := unquote(named)
	if !ok {
		return invalidParams(what + " is missing")
	}
	return checkHeader(header, headerName, name, required)
}

func checkHeader(header http.Header, name, want string, required bool) *rpcError {
	raw := header.Get(name)
	if raw == "" {
		if required {
			return headerMismatch(name + " header is required")
		}
		return nil
	}
	got, ok := decodeHeader(raw)
	if !ok || got != want {
		return headerMismatch(name + " header " + clip(raw) + " does not match the body")
	}
	return nil
}

// decodeHeader undoes the form that 2026-07-28 gives to header values which
// are not plain ASCII: =?base64?…?=.
func decodeHeader(raw string) (string, bool) {
	const prefix, suffix = "=?base64?", "?="
	if !strings.HasPrefix(raw, prefix) || !strings.HasSuffix(raw, suffix) || len(raw) < len(prefix)+len(suffix) {
		return raw, true
	}
	b, err := base64.StdEncoding.DecodeString(raw[len(prefix) : len(raw)-len(suffix)])
	return string(b), err == nil
}

// modernMethod reports whether 2026-07-28 has the method and the gateway
// offers it.
func (h *Handler) modernMethod(method string) bool {
	switch method {
	case "server/discover", "tools/list", "tools/call", "subscriptions/listen":
		return true
	}
	return h.offered[method] != nil
}
