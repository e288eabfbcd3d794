package oidc

import (
	"maps"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sso"
)

// merge adds what is signed over what is only fetched.
func merge(profile, signed sso.Claims) sso.Claims {
	out := maps.Clone(profile)
	if out == nil {
		return signed
	}
	maps.Copy(out, signed)
	return out
}

// lookup finds a claim by its name, or by a dotted path into objects. The name
// goes first: namespaced claims are URLs, with dots of their own.
func lookup(claims map[string]any, path string) (any, bool) {
	if v, ok := claims[path]; ok {
		return v, true
	}
	for at := 0; ; {
		i := strings.IndexByte(path[at:], '.')
		if i < 0 {
			return nil, false
		}
		at += i + 1
		inner, ok := claims[path[:at-1]].(map[string]any)
		if !ok {
			continue
		}
		if v, found := lookup(inner, path[at:]); found {
			return v, true
		}
	}
}

// groups reads a claim that is a text or a list of texts.
func groups(claims sso.Claims, path string) []string {
	v, _ := lookup(claims, path)
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}

// unverified reports whether the provider says that the e-mail is not the
// person's. Some write the value as a text; most say nothing.
func unverified(claims sso.Claims) bool {
	switch v := claims["email_verified"].(type) {
	case bool:
		return !v
	case string:
		return strings.EqualFold(v, "false")
	default:
		return false
	}
}
