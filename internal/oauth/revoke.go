package oauth

import (
	"net/http"

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
	client, family, err := s.familyOf(v, form["token"])
	switch {
	case err != nil:
		return err
	case family == "" || form["client_id"] != "" && form["client_id"] != client:
	default:
		err = s.Store.Tenant(v.tenant.ID).Write(v.ctx(), func(tx *store.Tx) error {
			tx.Record(v.event("oauth.token_revoked", map[string]any{"client_id": client, "reason": "revoked by the client"}))
			_, err := tx.EndFamily(v.ctx(), family)
			return err
		})
	}
	if err == nil {
		v.w.WriteHeader(http.StatusOK)
	}
	return err
}

// familyOf returns the family that a token of this tenant belongs to, "" for
// none that can be ended.
func (s *Server) familyOf(v *visit, token string) (client, family string, err error) {
	if client, family, ok := s.Issuer.Family(token, v.tenant.ID); ok {
		return client, family, nil
	}
	t, err := s.Store.Tenant(v.tenant.ID).RefreshToken(v.ctx(), s.Keys.Hashes(token))
	switch {
	case fault.Is(err, fault.NotFound):
		return "", "", nil
	case err != nil:
		return "", "", err
	case !t.RevokedAt.IsZero():
		return "", "", nil
	}
	return t.ClientID, t.Family, nil
}
