package database

import (
	"regexp"
	"strings"
)

// maxMessage bounds an engine's error text.
const maxMessage = 2000

// What must not leave the gateway in any server's text (contract 6.4): URLs,
// addresses, and paths of two parts or more.
var (
	urlPattern  = regexp.MustCompile(`\b[A-Za-z][A-Za-z0-9+.-]*://\S+`)
	addrPattern = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}([:,]\d+)?\b`)
	pathPattern = regexp.MustCompile(`(^|[\s"'(=])(\.?/[\w.+-]+){2,}/?`)
)

// ScrubRule hides what only one engine's texts hold.
type ScrubRule struct {
	Pattern *regexp.Regexp
	With    string // may name groups of the pattern: $1
}

// Scrub hides URLs, hosts, file paths and the connection's own password and
// host in a text of the server. What may hold other matches comes first: the
// engine's own names before paths, paths before addresses.
func (u ConnURL) Scrub(text string, own ...ScrubRule) string {
	text = urlPattern.ReplaceAllString(text, "<url>")
	for _, rule := range own {
		text = rule.Pattern.ReplaceAllString(text, rule.With)
	}
	text = pathPattern.ReplaceAllString(text, "$1<path>")
	text = addrPattern.ReplaceAllString(text, "<address>")
	for _, secret := range []string{u.Password, u.Host} {
		if len(secret) > 3 { // shorter ones are parts of words
			text = strings.ReplaceAll(text, secret, "<hidden>")
		}
	}
	return text
}

// ClipMessage bounds a text of the server.
func ClipMessage(text string) string {
	if len(text) > maxMessage {
		return strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
