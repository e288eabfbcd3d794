package oauth

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// maxURI bounds redirect URIs and client ids that are URLs.
const maxURI = 2048

const (
	textNotLoopback   = "redirect_uri must be a localhost URI"
	textNotAllowed    = "redirect_uri is not allowed"
	textNotRegistered = "redirect_uri is not registered for this client"
)

// Redirects is where clients may have people sent to, beside this computer
// (contract 4.5).
type Redirects struct {
	// Hosts is OAUTH_REDIRECT_HOSTS. An entry is a host with any path, a host
	// with the path of one page, or, with /* at its end, a host with the pages
	// directly below a path.
	Hosts   []string
	Schemes []string // OAUTH_REDIRECT_SCHEMES
}

// check judges a redirect URI by its kind (contract 4.5). Whether the client
// registered it is another question.
func (r Redirects) check(t store.Tenant, raw string) error {
	u, ok := parseRedirect(raw)
	switch {
	case !ok:
		return refuse(codeInvalidRequest, textNotAllowed)
	case u.Scheme == "http" && !isLoopback(u):
		return refuse(codeInvalidRequest, textNotLoopback)
	case u.Scheme == "http":
		return nil
	case u.Scheme == "https" && r.allowsPage(t, u):
		return nil
	case u.Scheme != "https" && slices.Contains(r.Schemes, u.Scheme):
		return nil
	}
	return refuse(codeInvalidRequest, textNotAllowed)
}

// parseRedirect reads a redirect URI: absolute, hierarchical, without fragment
// and user information, in printable ASCII, and nothing that browsers read
// differently from us, such as a backslash.
func parseRedirect(raw string) (*url.URL, bool) {
	strange := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("#\\\"<>^`{|}", r) }
	if len(raw) > maxURI || strings.ContainsFunc(raw, strange) {
		return nil, false
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || u.Scheme == "" {
		return nil, false
	}
	web := u.Scheme == "http" || u.Scheme == "https"
	return u, !web || u.Hostname() != ""
}

// isLoopback reports whether the host is one of the three names of this
// computer (RFC 8252, section 7.3; contract 4.5).
func isLoopback(u *url.URL) bool {
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

// allowsPage reports whether the operator or the tenant listed the page. The
// www. name belongs to whoever has the host itself.
func (r Redirects) allowsPage(t store.Tenant, u *url.URL) bool {
	host := strings.TrimPrefix(strings.ToLower(u.Host), "www.")
	return slices.Contains(t.RedirectHosts, host) ||
		slices.ContainsFunc(r.Hosts, func(entry string) bool { return covers(entry, host, u) })
}

// covers reports whether an entry of Redirects.Hosts is for the URL. Where the
// entry names a page, a query is refused too: pages that pass people on take
// their target from there.
func covers(entry, host string, u *url.URL) bool {
	name, page, pinned := strings.Cut(entry, "/")
	switch {
	case name != host:
		return false
	case !pinned:
		return true
	case u.RawQuery != "" || u.ForceQuery:
		return false
	}
	asked := rooted(u)
	page = "/" + page
	folder, isFolder := strings.CutSuffix(page, "*")
	if !isFolder {
		return asked == page
	}
	last, below := strings.CutPrefix(asked, folder)
	return below && pageName.MatchString(last)
}

// pageName is the last part of a path, without anything that a server could
// read as a way to another folder.
var pageName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._~-]*$`)

// sameRedirect compares a requested URI with a registered one: exactly, but
// for the port of a loopback URI, which a native client gets anew each time
// (RFC 8252, section 7.3).
func sameRedirect(registered, requested string) bool {
	if registered == requested {
		return true
	}
	a, okA := parseRedirect(registered)
	b, okB := parseRedirect(requested)
	return okA && okB && a.Scheme == "http" && b.Scheme == "http" && isLoopback(a) && a.Hostname() == b.Hostname() &&
		rooted(a) == rooted(b) && a.RawQuery == b.RawQuery
}

func rooted(u *url.URL) string {
	if u.Path == "" {
		return "/"
	}
	return u.EscapedPath()
}

// registered reports whether the URI is one of the client's own.
func registered(uris []string, requested string) bool {
	return slices.ContainsFunc(uris, func(uri string) bool { return sameRedirect(uri, requested) })
}

// redirectHost is where a URI leads, as the page and the records name it.
func redirectHost(raw string) string {
	u, ok := parseRedirect(raw)
	switch {
	case !ok:
		return ""
	case u.Scheme == "http" || u.Scheme == "https":
		return u.Hostname()
	default:
		return u.Scheme + "://" + u.Host
	}
}

// withQuery adds parameters to a redirect URI and keeps the query it has
// (RFC 6749, section 3.1.2). Values are encoded, so none can add a parameter
// or a header.
func withQuery(uri string, add url.Values) string {
	switch {
	case !strings.Contains(uri, "?"):
		uri += "?"
	case !strings.HasSuffix(uri, "?") && !strings.HasSuffix(uri, "&"):
		uri += "&"
	}
	return uri + add.Encode()
}
