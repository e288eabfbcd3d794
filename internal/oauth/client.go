package oauth

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const textUnknownClient = "Unknown client"

func errUnknownClient(cause error) error {
	return &refusal{code: codeInvalidClient, fault: fault.Wrap(fault.Invalid, cause, textUnknownClient)}
}

// client finds the client of an authorization request: by registration, or by
// the document that its client_id is the URL of.
func (s *Server) client(v *visit, id, redirectURI string) (store.OAuthClient, error) {
	known, err := s.Store.Tenant(v.tenant.ID).OAuthClient(v.ctx(), id)
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		return known, err
	case isDocumentURL(id):
		return s.documentClient(v, known, id, redirectURI)
	case err != nil:
		return known, errUnknownClient(err)
	}
	return known, nil
}

// documentClient reads the client's document, and falls back on what the
// tenant knows of it: a document that cannot be read for a while must not lock
// its users out. known is empty at the first use.
func (s *Server) documentClient(v *visit, known store.OAuthClient, id, redirectURI string) (store.OAuthClient, error) {
	doc, err := s.documents.get(v.ctx(), id, redirectURI)
	if err != nil {
		if known.ClientID == "" {
			return known, errUnknownClient(err)
		}
		s.Log.WarnContext(v.ctx(), "client metadata document not read, using the last good one", "client_id", id, "err", err)
		return known, nil
	}
	if known.Name == doc.Name && slices.Equal(known.RedirectURIs, doc.RedirectURIs) {
		return known, nil
	}
	client := store.OAuthClient{ClientID: id, Name: doc.Name, RedirectURIs: doc.RedirectURIs, Kind: store.DocumentClient}
	return client, s.saveClient(v, client)
}

// isDocumentURL reports whether a client_id is the URL of a metadata document
// (draft-ietf-oauth-client-id-metadata-document, section 3): https with a path
// without dot segments, no fragment, no user information.
func isDocumentURL(id string) bool {
	if !strings.HasPrefix(id, "https://") {
		return false
	}
	u, ok := parseRedirect(id)
	return ok && u.Scheme == "https" && u.Path != "" && u.Path != "/" && strings.TrimSuffix(u.Path, "/") == path.Clean(u.Path)
}

// voucher says who vouches for a client: the host of its document, or the
// operator. It is empty for one that registered itself.
func voucher(c store.OAuthClient) string {
	switch c.Kind {
	case store.PreregisteredClient:
		return "verified by the operator"
	case store.DocumentClient:
		if u, err := url.Parse(c.ClientID); err == nil {
			return u.Host
		}
	}
	return ""
}
