package entra

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sso"
)

// maxPages bounds what is read of a person's groups (contract 5.2).
const maxPages = 20

var (
	errTooMany  = errors.New("more pages of groups than are read")
	errNextLink = errors.New("the next page is at another place")
)

// graph is Microsoft Graph. Its client bounds the time of each call.
type graph struct {
	base   string
	client *http.Client
}

// profile is a person as Graph knows them.
type profile struct {
	ID        string `json:"id"`
	Mail      string `json:"mail"`
	Principal string `json:"userPrincipalName"`
}

// address is the mail address; accounts without a mailbox have none.
func (p profile) address() string { return cmp.Or(p.Mail, p.Principal) }

func (g graph) profile(ctx context.Context, token string) (profile, error) {
	var p profile
	err := sso.GetJSON(ctx, g.client, g.base+"/me?$select=id,mail,userPrincipalName", token, &p)
	return p, err
}

// page is one page of directory objects.
type page struct {
	Value []struct {
		ID string `json:"id"`
	} `json:"value"`
	Next string `json:"@odata.nextLink"`
}

// groups returns the ids of the groups, in lower case, and whether these are
// all of them.
func (g graph) groups(ctx context.Context, token, path string) (ids []string, all bool, err error) {
	next := g.base + path
	for range maxPages {
		var p page
		if err := sso.GetJSON(ctx, g.client, next, token, &p); err != nil {
			return nil, false, err
		}
		for _, object := range p.Value {
			ids = append(ids, strings.ToLower(object.ID))
		}
		if next = p.Next; next == "" {
			return ids, true, nil
		}
		// The token goes where the link leads.
		if !strings.HasPrefix(next, g.base+"/") {
			return nil, false, errNextLink
		}
	}
	return ids, false, nil
}
