package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

//go:embed reference.html
var referenceHTML string

//go:embed reference.css
var referenceCSS []byte

// mountReference adds the reference for people: a page without script, all of
// it from the gateway itself (contract 3.1).
func (a *API) mountReference(mux *httpx.Mux) {
	page := asset(a.page, "text/html; charset=utf-8")
	mux.Handle("GET /docs", page)
	mux.Handle("GET /docs/{$}", page)
	mux.Handle("GET /docs/style.css", asset(referenceCSS, "text/css; charset=utf-8"))
}

func asset(body []byte, contentType string) httpx.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		httpx.SetCSP(w, httpx.CSPDocs)
		w.Header().Set("Content-Type", contentType)
		_, err := w.Write(body)
		return err
	}
}

// The model of the page.
type referencePage struct {
	Description, Version string
	Groups               []referenceGroup
}

type referenceGroup struct {
	ID, Name string
	Routes   []referenceRoute
}

type referenceRoute struct {
	ID, Method, Path, Summary, Needs string
	Fields                           []referenceField
	Statuses                         []string
}

type referenceField struct {
	Name, In, Type, Doc string
	Required            bool
}

// renderReference makes the page from the same document as /openapi.json.
func renderReference(doc *huma.OpenAPI, routes []*route) ([]byte, error) {
	page := referencePage{Description: doc.Info.Description, Version: doc.Info.Version}
	for _, rt := range routes {
		if n := len(page.Groups); n == 0 || page.Groups[n-1].Name != rt.tag {
			page.Groups = append(page.Groups, referenceGroup{ID: strings.ToLower(strings.ReplaceAll(rt.tag, " ", "-")), Name: rt.tag})
		}
		group := &page.Groups[len(page.Groups)-1]
		group.Routes = append(group.Routes, referenceOf(doc, rt))
	}
	parsed, err := template.New("reference").Parse(referenceHTML)
	if err != nil {
		return nil, fmt.Errorf("api: reference page: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, page); err != nil {
		return nil, fmt.Errorf("api: reference page: %w", err)
	}
	return out.Bytes(), nil
}

func referenceOf(doc *huma.OpenAPI, rt *route) referenceRoute {
	r := referenceRoute{ID: rt.id, Method: rt.method, Path: documentPath(rt.path), Summary: rt.summary, Needs: rt.needs()}
	for _, p := range rt.parameters() {
		r.Fields = append(r.Fields, referenceField{Name: p.Name, In: p.In, Type: typeName(p.Schema), Doc: p.Description, Required: p.Required})
	}
	if rt.do.in != nil {
		r.Fields = append(r.Fields, bodyFields(rt.body.root, rt.body.registry)...)
	}
	for status := range rt.responses(doc.Components.Schemas) {
		r.Statuses = append(r.Statuses, status)
	}
	slices.Sort(r.Statuses)
	return r
}

func bodyFields(s *huma.Schema, registry huma.Registry) []referenceField {
	for s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	var fields []referenceField
	for name, p := range s.Properties {
		fields = append(fields, referenceField{Name: name, In: "body", Type: typeName(p), Doc: p.Description, Required: slices.Contains(s.Required, name)})
	}
	slices.SortFunc(fields, func(a, b referenceField) int {
		if a.Required != b.Required {
			if a.Required {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return fields
}

func typeName(s *huma.Schema) string {
	name := s.Type
	if len(s.Enum) > 0 {
		name = strings.Join(list(s.Enum, func(v any) string { return fmt.Sprint(v) }), " | ")
	}
	if s.Nullable {
		name += ", or null"
	}
	return name
}

// needs says in words who may call the route, and how often.
func (rt *route) needs() string {
	text := "Open to everybody."
	if rt.min != identity.None {
		text = "Needs the role " + rt.min.String() + "."
		if rt.noKeys {
			text += " API keys are not accepted."
		}
	}
	if rt.rate.count > 0 {
		text += fmt.Sprintf(" %d per minute.", rt.rate.count)
	}
	return text
}
