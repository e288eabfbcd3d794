// Package entra is sign-in through Microsoft Entra ID (contract 5.1, 5.2, 5.5).
// Who somebody is comes from the id_token, what they may do from their groups
// at Microsoft Graph: the groups claim of a token stops at 200.
package entra

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
)

const label = "Entra"

// appScope is what the gateway asks for in its own name (contract 5.5).
const appScope = "https://graph.microsoft.com/.default"

// Config is what the kind is made of.
type Config struct {
	Authority string // ENTRA_AUTHORITY_URL
	Graph     string // ENTRA_GRAPH_URL
	Client    *http.Client
	Now       func() time.Time
}

// Kind is Entra ID.
type Kind struct {
	authority string
	directory *sso.Directory
	graph     graph
	client    *http.Client
	now       func() time.Time
}

// New returns the kind.
func New(cfg Config) *Kind {
	cfg.Client = sso.Bounded(cfg.Client)
	return &Kind{
		authority: strings.TrimSuffix(cfg.Authority, "/"), directory: sso.NewDirectory(cfg.Client, cfg.Now),
		graph: graph{strings.TrimSuffix(cfg.Graph, "/"), cfg.Client}, client: cfg.Client, now: cfg.Now,
	}
}

// Name implements sso.Kind.
func (*Kind) Name() string { return "entra" }

// Label implements sso.Kind.
func (*Kind) Label() string { return "Entra ID" }

// Open implements sso.Kind.
func (k *Kind) Open(s sso.Settings) sso.Provider {
	roles := make(map[string]identity.Role, len(s.Roles))
	for group, role := range s.Roles {
		group = strings.ToLower(strings.TrimSpace(group))
		roles[group] = max(roles[group], role)
	}
	return &provider{kind: k, settings: s, roles: roles, base: k.authority + "/" + url.PathEscape(s.Directory)}
}

type provider struct {
	kind     *Kind
	settings sso.Settings
	roles    map[string]identity.Role // by group id in lower case
	base     string                   // the tenant at the authority
}

func (p *provider) flow() *sso.Flow {
	return &sso.Flow{
		Provider: label, Client: p.kind.client, Now: p.kind.now,
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret,
		Scopes: []string{"openid", "profile", "email", "User.Read", "GroupMember.Read.All"},
		Endpoint: oauth2.Endpoint{
			AuthURL: p.base + "/oauth2/v2.0/authorize", TokenURL: p.tokenURL(), AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

func (p *provider) tokenURL() string { return p.base + "/oauth2/v2.0/token" }

// AuthURL implements sso.Provider.
func (p *provider) AuthURL(_ context.Context, leg sso.Leg) (string, error) {
	return p.flow().AuthURL(leg), nil
}

// Exchange implements sso.Provider.
func (p *provider) Exchange(ctx context.Context, code string, leg sso.Leg) (sso.Identity, error) {
	m, err := p.metadata(ctx)
	if err != nil {
		return sso.Identity{}, err
	}
	tokens, err := p.flow().Exchange(ctx, m, code, leg)
	if err != nil {
		return sso.Identity{}, err
	}
	who, err := p.kind.graph.profile(ctx, tokens.Access)
	if err != nil {
		return sso.Identity{}, sso.Unreachable(err)
	}
	oid := tokens.Claims.Text("oid")
	if oid == "" || !strings.EqualFold(oid, who.ID) {
		return sso.Identity{}, sso.NoSubject(label)
	}
	role, err := p.role(ctx, tokens.Access, "/me/transitiveMemberOf?$select=id&$top=999")
	return sso.Identity{Subject: oid, Email: who.address(), Role: role}, err
}

// Refresh implements sso.Refresher with the application's own rights: the
// person's token is not kept.
func (p *provider) Refresh(ctx context.Context, oid, _ string) (sso.Identity, error) {
	app := clientcredentials.Config{
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, TokenURL: p.tokenURL(),
		Scopes: []string{appScope}, AuthStyle: oauth2.AuthStyleInParams,
	}
	token, err := app.Token(context.WithValue(ctx, oauth2.HTTPClient, p.kind.client))
	if err != nil {
		return sso.Identity{}, sso.Unreachable(err)
	}
	role, err := p.role(ctx, token.AccessToken, "/users/"+url.PathEscape(oid)+"/transitiveMemberOf/microsoft.graph.group?$select=id")
	if status := sso.StatusError(0); errors.As(err, &status) && status == http.StatusNotFound {
		return sso.Identity{Subject: oid}, nil // the person is gone, and so are the groups
	}
	return sso.Identity{Subject: oid, Role: role}, err
}

func (p *provider) role(ctx context.Context, token, path string) (identity.Role, error) {
	groups, all, err := p.kind.graph.groups(ctx, token, path)
	if err != nil {
		return identity.None, sso.Unreachable(err)
	}
	role := sso.Highest(p.roles, groups)
	if role == identity.None && !all {
		// Nobody is shut out for groups that were not read.
		return role, sso.Unreachable(errTooMany)
	}
	return role, nil
}

// guid is the form of the id of a tenant at Microsoft.
var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

var errIssuer = errors.New("the issuer is not that of the configured tenant")

func (p *provider) metadata(ctx context.Context) (*sso.Metadata, error) {
	return p.kind.directory.Lookup(ctx, p.base+"/v2.0/.well-known/openid-configuration", p.check)
}

// check holds the discovery document, which comes from the operator's
// authority, to the tenant. Its issuer names the tenant by id even where the
// configuration names it by domain, and the host of the issuer is not always
// that of the authority; the document for many tenants at once (common,
// organizations) names none.
func (p *provider) check(m *sso.Metadata) error {
	rest, v2 := strings.CutSuffix(m.Issuer, "/v2.0")
	tenant := rest[strings.LastIndexByte(rest, '/')+1:]
	switch {
	case !v2 || tenant == "" || strings.ContainsAny(tenant, "{}"):
		return errIssuer
	case guid.MatchString(p.settings.Directory) && !strings.EqualFold(tenant, p.settings.Directory):
		return errIssuer
	}
	return nil
}
