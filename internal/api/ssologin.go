package api

import (
	"context"
	"net/http"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// maxNonce bounds the value that a page gives its pop-up (contract 5.2).
const maxNonce = 128

// ssoLogin sends the browser to the tenant's identity provider.
func (s *server) ssoLogin(provider string) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		slug, err := c.required("tenant_slug")
		if err != nil {
			return err
		}
		in := auth.PageSignIn{Slug: slug, Provider: provider, From: c.client()}
		if in.Nonce, err = c.text("nonce"); err != nil {
			return err
		}
		if utf8.RuneCountInString(in.Nonce) > maxNonce {
			return httpx.Invalid(httpx.Problem{
				Type: "string_too_long", Loc: []string{"query", "nonce"}, Msg: "String should have at most 128 characters", Input: in.Nonce,
			})
		}
		if in.ReturnTo, err = c.text("return_to"); err != nil {
			return err
		}
		to, err := s.SSO.BeginPage(ctx, c.w, in)
		if err != nil {
			return err
		}
		if in.Nonce != "" {
			// The redirect must not cut the pop-up off from its opener.
			c.w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none")
		}
		c.redirect(to)
		return nil
	}
}

// ssoCallback is where the provider sends the browser back to.
func (s *server) ssoCallback(provider string) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		needed := "code"
		if c.r.URL.Query().Has("error") {
			needed = "error"
		}
		for _, name := range []string{needed, "state"} {
			if _, err := c.required(name); err != nil {
				return err
			}
		}
		answer, err := s.SSO.FinishPage(ctx, c.w, c.r, provider, c.client())
		if err != nil {
			return err
		}
		if answer.Nonce != "" {
			return c.popup(ctx, answer, provider)
		}
		if _, err := s.Auth.OpenBrowserSession(ctx, c.w, answer.User, c.client(), provider); err != nil {
			return err
		}
		c.redirect(answer.ReturnTo)
		return nil
	}
}

// popup answers a page that opened a window to sign in.
func (c *call) popup(ctx context.Context, answer auth.PageAnswer, provider string) error {
	code, err := c.Auth.OpenForCode(ctx, answer.User, c.client(), provider)
	if err != nil {
		return err
	}
	return c.Pages.Popup(c.w, code, answer.Nonce, auth.URLs{Base: c.Base}.Origin())
}

// redirect does without http.Redirect, which would rewrite what it takes for a
// relative path.
func (c *call) redirect(to string) {
	c.w.Header().Set("Location", to)
	c.w.WriteHeader(http.StatusFound)
}

// ssoExchange turns the one-time code of a pop-up into a token.
func (s *server) ssoExchange(ctx context.Context, c *call) (tokenOut, error) {
	code, err := c.required("code")
	if err != nil {
		return tokenOut{}, err
	}
	token, err := s.Auth.ExchangeCode(ctx, code)
	return tokenOut{AccessToken: token, TokenType: "bearer", ExpiresIn: int(s.Auth.TokenLife().Seconds())}, err
}

func ssoLoginQuery() []*huma.Param {
	text, most := &huma.Schema{Type: huma.TypeString}, maxNonce
	return append(providerQuery(),
		&huma.Param{Name: "return_to", In: "query", Schema: text, Description: "The page to show afterwards: a path below /admin/."},
		&huma.Param{Name: "nonce", In: "query", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most}, Description: "For a pop-up: comes back with the one-time code."})
}

func ssoCallbackQuery() []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return []*huma.Param{
		{Name: "state", In: "query", Required: true, Schema: text},
		{Name: "code", In: "query", Schema: text, Description: "Needed unless there is an error."},
		{Name: "error", In: "query", Schema: text},
	}
}

func ssoExchangeQuery() []*huma.Param {
	return []*huma.Param{{Name: "code", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
}
