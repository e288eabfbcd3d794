package api

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// Names of the security schemes in the OpenAPI document.
const (
	schemeBearer = "bearer"
	schemeKey    = "apiKey"
	schemeCookie = "session"
)

// errorBody is the shape of every refusal but 422 (contract 1).
type errorBody struct {
	Detail string `json:"detail" doc:"What was refused, in words."`
}

// validationBody is the shape of a 422 (contract 1).
type validationBody struct {
	Detail []validationEntry `json:"detail"`
}

type validationEntry struct {
	Type  string   `json:"type"`
	Loc   []string `json:"loc"`
	Msg   string   `json:"msg"`
	Input any      `json:"input"`
}

// newRegistry returns the registry of the document's types.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[identity.Role](), reflect.TypeFor[roleName]())
	return r
}

// roleName is how the document shows an identity.Role.
type roleName string

// Schema lists the names.
func (roleName) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, role := range identity.Roles() {
		s.Enum = append(s.Enum, role.String())
	}
	return s
}

// describe renders the routes as OpenAPI 3.1. It is made from the same table
// that is served, so the two cannot drift apart.
func describe(registry huma.Registry, routes []*route, version, base string) *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "MCP Gateway", Version: version,
			Description: "Manage organisations, users, database connections, tools and API keys of an MCP Gateway. " +
				"Every path also answers below /api/v1 and with or without a trailing slash.",
		},
		Servers: []*huma.Server{{URL: base}},
		Paths:   map[string]*huma.PathItem{},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				schemeBearer: {Type: "http", Scheme: "bearer", Description: "A login token, or an API key (mgw_…)."},
				schemeKey:    {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key (mgw_…)."},
				schemeCookie: {Type: "apiKey", In: "cookie", Name: "__Host-mgw_session", Description: "The browser session of the admin UI."},
			},
		},
	}
	for _, r := range routes {
		addOperation(doc, registry, r)
	}
	allowMore(registry)
	return doc
}

// allowMore lets every object have more members than are listed: unknown ones in a
// request are ignored, and answers may grow (contract 1, Success).
func allowMore(registry huma.Registry) {
	for _, s := range registry.Map() {
		if s.AdditionalProperties == false {
			s.AdditionalProperties = nil
		}
	}
}

func addOperation(doc *huma.OpenAPI, registry huma.Registry, r *route) {
	path := documentPath(r.path)
	item := doc.Paths[path]
	if item == nil {
		item = &huma.PathItem{}
		doc.Paths[path] = item
	}
	op := &huma.Operation{
		Method: r.method, Path: path, OperationID: r.id, Summary: r.summary, Tags: []string{r.tag},
		Parameters: r.parameters(), Responses: r.responses(registry), Security: r.security(),
	}
	if r.min > identity.Viewer {
		op.Description = "Needs the role " + r.min.String() + " or a higher one."
	}
	if r.do.in != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(r.do.in, true, "")},
		}}
	}
	switch r.method {
	case http.MethodGet:
		item.Get = op
	case http.MethodPost:
		item.Post = op
	case http.MethodPatch:
		item.Patch = op
	case http.MethodDelete:
		item.Delete = op
	}
}

// documentPath is the canonical path as OpenAPI writes it.
func documentPath(pattern string) string { return strings.ReplaceAll(pattern, "...}", "}") }

// parameters are the path's and the query's.
func (r *route) parameters() []*huma.Param {
	var params []*huma.Param
	for _, name := range pathNames(r.path) {
		params = append(params, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	return append(params, r.query...)
}

func pathNames(path string) []string {
	var names []string
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(strings.TrimSuffix(name, "}"), "..."))
		}
	}
	return names
}

func (r *route) responses(registry huma.Registry) map[string]*huma.Response {
	responses := map[string]*huma.Response{strconv.Itoa(r.success()): r.successResponse(registry)}
	refuse := func(status int) {
		responses[strconv.Itoa(status)] = jsonResponse(registry, http.StatusText(status), reflect.TypeFor[errorBody]())
	}
	for _, status := range r.refusals {
		refuse(status)
	}
	if r.min != identity.None {
		refuse(http.StatusUnauthorized)
		refuse(http.StatusForbidden)
	}
	if r.rate.count > 0 {
		refuse(http.StatusTooManyRequests)
	}
	if r.do.in != nil || len(r.query) > 0 {
		responses["422"] = jsonResponse(registry, "Validation failed", reflect.TypeFor[validationBody]())
	}
	return responses
}

func (r *route) successResponse(registry huma.Registry) *huma.Response {
	switch {
	case r.success() == http.StatusNoContent:
		return &huma.Response{Description: "Done"}
	case r.do.out == nil:
		return &huma.Response{Description: "On to the next page"}
	}
	return jsonResponse(registry, "Success", r.do.out)
}

func jsonResponse(registry huma.Registry, description string, body reflect.Type) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
		"application/json": {Schema: registry.Schema(body, true, "")},
	}}
}

func (r *route) security() []map[string][]string {
	if r.min == identity.None {
		return nil
	}
	schemes := []map[string][]string{{schemeBearer: {}}, {schemeCookie: {}}}
	if !r.noKeys {
		schemes = append(schemes, map[string][]string{schemeKey: {}})
	}
	return schemes
}

// The query parameters of the routes, as the document shows them.

func pagingQuery(standard, most int) []*huma.Param {
	zero, one := 0.0, 1.0
	return []*huma.Param{
		{Name: "skip", In: "query", Description: "How many entries to leave out.", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &zero, Default: 0}},
		{
			Name: "limit", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &one, Default: standard},
			Description: fmt.Sprintf("How many entries to answer. More than %d means %d.", most, most),
		},
	}
}

func auditQuery() []*huma.Param {
	return append(pagingQuery(auditDefault, auditCap), &huma.Param{
		Name: "event_prefix", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Comma-separated beginnings of event names, taken literally; any of them may match.",
	})
}

func testQuery() []*huma.Param {
	return []*huma.Param{{
		Name: "test", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean, Default: false},
		Description: "Test the connection first, and store nothing when the test fails.",
	}}
}

func providerQuery() []*huma.Param {
	return []*huma.Param{{Name: "tenant_slug", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
}
