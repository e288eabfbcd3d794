package oauth

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	authNone     = "none"
	responseCode = "code"

	defaultClientName = "mcp-client"
	maxClientName     = 200
	maxRedirects      = 10
	// maxMetadataValues is how many JSON values a client may say of itself.
	// Large clients use some 50, of which most change nothing here.
	maxMetadataValues = 1000
)

// metadata is what a client says about itself: at registration (RFC 7591,
// section 2) and in a client metadata document. Members that change nothing
// here are ignored.
type metadata struct {
	ClientID      string   `json:"client_id"`
	Name          string   `json:"client_name"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	// AuthMethods is not of the RFC. Some clients list what they can do.
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
}

// registration is the answer to a registration (RFC 7591, section 3.2.1).
type registration struct {
	ClientID      string   `json:"client_id"`
	Name          string   `json:"client_name"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	IssuedAt      int64    `json:"client_id_issued_at"`
}

// register stores a client that introduces itself (RFC 7591).
func (s *Server) register(v *visit) error {
	m, err := readMetadata(v.w, v.r)
	if err != nil {
		return err
	}
	if err := s.Redirects.checkRegistration(v.tenant, &m); err != nil {
		return err
	}
	client := store.OAuthClient{ClientID: rand.Text(), Name: m.Name, RedirectURIs: m.RedirectURIs, Kind: store.RegisteredClient}
	issued := s.Now()
	if err := s.saveClient(v, client); err != nil {
		return err
	}
	return httpx.Write(v.w, http.StatusCreated, registration{
		ClientID: client.ClientID, Name: client.Name, RedirectURIs: client.RedirectURIs,
		GrantTypes: m.GrantTypes, ResponseTypes: []string{responseCode}, AuthMethod: authNone, IssuedAt: issued.Unix(),
	})
}

// saveClient stores a client together with its record.
func (s *Server) saveClient(v *visit, c store.OAuthClient) error {
	return s.Store.Tenant(v.tenant.ID).Write(v.ctx(), func(tx *store.Tx) error {
		tx.Record(v.event(eventRegistered, about(c)))
		return tx.SaveOAuthClient(v.ctx(), c)
	})
}

const eventRegistered = "oauth.client_registered"

// about is what records say of a client.
func about(c store.OAuthClient) map[string]any {
	return map[string]any{"client_id": c.ClientID, "client_name": c.Name, "redirect_uris": c.RedirectURIs, "kind": c.Kind}
}

func readMetadata(w http.ResponseWriter, r *http.Request) (m metadata, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return m, refuse(codeInvalidMetadata, "Content-Type must be application/json")
	}
	body, err := httpx.ReadBody(w, r, httpx.FormBody)
	if err != nil {
		return m, err
	}
	if _, err := jsonbound.Measure(body, maxMetadataValues); err != nil {
		return m, &refusal{code: codeInvalidMetadata, fault: fault.Wrap(fault.Invalid, err, "Metadata refused: "+err.Error())}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, malformed(err)
	}
	return m, nil
}

// malformed names the member at fault, as far as one is.
func malformed(err error) error {
	code, text := codeInvalidMetadata, "Malformed JSON"
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		text = "Wrong type at " + printable(cmp.Or(string(semantic.JSONPointer), "/"))
		if strings.HasPrefix(string(semantic.JSONPointer), "/redirect_uris") {
			code = codeInvalidRedirect
		}
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		text = "Duplicate member"
	}
	return &refusal{code: code, fault: fault.Wrap(fault.Invalid, err, text)}
}

// checkRegistration applies the rules of contract 4.3 and 4.5, and fills in
// the defaults.
func (r Redirects) checkRegistration(t store.Tenant, m *metadata) error {
	if err := r.checkAll(t, m.RedirectURIs); err != nil {
		return err
	}
	if err := m.checkName(defaultClientName); err != nil {
		return err
	}
	return m.checkMethods()
}

func (r Redirects) checkAll(t store.Tenant, uris []string) error {
	if len(uris) == 0 || len(uris) > maxRedirects {
		return refuse(codeInvalidRedirect, fmt.Sprintf("redirect_uris must hold 1 to %d URIs", maxRedirects))
	}
	for _, uri := range uris {
		var refused *refusal
		if errors.As(r.check(t, uri), &refused) {
			return refuse(codeInvalidRedirect, refused.fault.Public+": "+printable(uri))
		}
	}
	return nil
}

// checkName keeps texts out that a page or a record would show as something
// else than they are.
func (m *metadata) checkName(standard string) error {
	m.Name = strings.TrimSpace(m.Name)
	if m.Name == "" {
		m.Name = standard
	}
	if utf8.RuneCountInString(m.Name) > maxClientName {
		return refuse(codeInvalidMetadata, fmt.Sprintf("client_name is longer than %d characters", maxClientName))
	}
	if strings.ContainsFunc(m.Name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return refuse(codeInvalidMetadata, "client_name holds control characters")
	}
	return nil
}

// checkMethods accepts public clients of the code flow. Grants that we do not
// have are left out, because clients list all that they can do; RFC 7591,
// section 3.2.1, lets the answer say what was registered.
func (m *metadata) checkMethods() error {
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []string{grantCode, grantRefresh}
	}
	m.GrantTypes = slices.DeleteFunc(m.GrantTypes, func(g string) bool { return g != grantCode && g != grantRefresh })
	switch {
	case !slices.Contains(m.GrantTypes, grantCode):
		return refuse(codeInvalidMetadata, "grant_types must hold authorization_code")
	case len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, responseCode):
		return refuse(codeInvalidMetadata, "response_types must hold code")
	case !m.isPublic():
		return refuse(codeInvalidMetadata, "token_endpoint_auth_method must be none")
	}
	return nil
}

// isPublic reports whether the client can do without a secret.
func (m *metadata) isPublic() bool {
	return m.AuthMethod == authNone || slices.Contains(m.AuthMethods, authNone) || m.AuthMethod == "" && len(m.AuthMethods) == 0
}
