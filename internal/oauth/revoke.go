package oauth

import (
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// revoke ends the family of a refresh or access token (RFC 7009). A token
// that is unknown, of another client or already dead is answered alike: there
// is nothing that the client could do about it.
func (s *Server) revoke(v *visit) error {
	form, _, err := readForm(v.w, v.r)
	if err != nil {
		return err
	}
	if err := form.require(fault.Invalid, "token"); err != nil {
		return err
	}
	g, err := s.grantOf(v, form["token"])
	switch {
	case err != nil:
		return err
	case g.Session == "" || form["client_id"] != "" && form["client_id"] != g.Client:
	default:
		err = s.Store.Tenant(v.tenant.ID).Write(v.ctx(), func(tx *store.Tx) error {
			e := v.event("oauth.token_revoked", map[string]any{"client_id": g.Client, "reason": "revoked by the client"})
			e.User, e.UserEmail = g.User, g.Email
			tx.Record(e)
			_, err := tx.EndFamily(v.ctx(), g.Session)
			return err
		})
	}
	if err == nil {
		v.w.WriteHeader(http.StatusOK)
	}
	return err
}

// grantOf returns what a token of this tenant stands for: user, client and
// family. It is empty when nothing is left to be ended.
func (s *Server) grantOf(v *visit, token string) (auth.Grant, error) {
	if g, ok := s.Issuer.Granted(token); ok && g.Tenant == v.tenant.ID && g.Client != "" {
		return g, nil
	}
	scope := s.Store.Tenant(v.tenant.ID)
	t, err := scope.RefreshToken(v.ctx(), s.Keys.Hashes(token))
	if err != nil || !t.RevokedAt.IsZero() {
		return auth.Grant{}, unlessMissing(err)
	}
	user, err := scope.User(v.ctx(), t.User)
	return auth.Grant{User: t.User, Email: user.Email, Client: t.ClientID, Session: t.Family}, unlessMissing(err)
}

// unlessMissing drops "not found".
func unlessMissing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
