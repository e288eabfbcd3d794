package oauth

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// params are the parameters of a request. Each is sent once and has a value:
// one without a value counts as not sent (RFC 6749, section 3.1).
type params map[string]string

// resource is the one parameter that may be repeated (RFC 8707, section 2).
const resource = "resource"

// readForm reads the body of a POST endpoint, which is form-encoded only.
func readForm(w http.ResponseWriter, r *http.Request) (params, url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, nil, refuse(codeInvalidRequest, "Content-Type must be application/x-www-form-urlencoded")
	}
	body, err := httpx.ReadBody(w, r, httpx.FormBody)
	if err != nil {
		return nil, nil, err
	}
	return parse(string(body))
}

// parse reads an encoded query or form. The values are returned too, for
// resource.
func parse(encoded string) (params, url.Values, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, nil, &refusal{code: codeInvalidRequest, fault: fault.Wrap(fault.Invalid, err, "Malformed parameters")}
	}
	p := make(params, len(values))
	for name, sent := range values {
		for _, value := range sent {
			if !utf8.ValidString(name+value) || strings.ContainsRune(value, 0) {
				return nil, nil, refuse(codeInvalidRequest, "Parameters must be valid UTF-8 text")
			}
		}
		if len(sent) > 1 && name != resource {
			return nil, nil, refuse(codeInvalidRequest, "Parameter sent more than once: "+printable(name))
		}
		if sent[0] != "" {
			p[name] = sent[0]
		}
	}
	return p, values, nil
}

// require refuses a request that lacks one of the names, as a fault of kind.
func (p params) require(kind fault.Kind, names ...string) error {
	for _, name := range names {
		if p[name] == "" {
			return missing(kind, name)
		}
	}
	return nil
}

// printable shortens a text of the caller's for an error description, which
// may hold printable ASCII only (RFC 6749, section 5.2).
func printable(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
}
