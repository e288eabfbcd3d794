package offer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yosida95/uritemplate/v3"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const uriSchema = `{"type":"object","properties":{"uri":{"type":"string"}},"required":["uri"],"additionalProperties":false}`

// resourceTool makes reading the resource a call.
func resourceTool(r *tool.Resource, m *members) tool.Tool {
	return tool.Tool{
		Name: r.Name, Title: r.Title, Description: r.Description, Kind: tool.KindResource, Resource: r,
		Schema: json.RawMessage(uriSchema), MinRole: r.MinRole, Timeout: r.Timeout, Interactive: r.Interactive,
		Event: "resource." + r.Name, Hints: tool.Hints{ReadOnly: true},
		Prepare: func(_ context.Context, env tool.Env, raw json.RawMessage) (tool.Action, error) {
			var args struct {
				URI string `json:"uri"`
			}
			if err := json.Unmarshal(raw, &args); err != nil {
				return tool.Action{}, fmt.Errorf("decode arguments: %w", err)
			}
			vars, ok := m.find(args.URI)
			if !ok {
				return tool.Action{}, fault.New(fault.Invalid, "This is not the address of "+r.Name)
			}
			return tool.Action{Run: func(ctx context.Context) (*tool.Result, error) {
				return read(ctx, r, env, args.URI, vars)
			}}, nil
		},
	}
}

func read(ctx context.Context, r *tool.Resource, env tool.Env, uri string, vars map[string]string) (*tool.Result, error) {
	contents, err := r.Read(ctx, env, uri, vars)
	switch {
	case errors.Is(err, tool.ErrNoResource):
		return nil, fault.Wrap(fault.NotFound, err, "Resource not found")
	case err != nil:
		return nil, err
	}
	contents = slices.Clone(contents) // it may be shared by all calls
	for i := range contents {
		c := &contents[i]
		c.URI = cmp.Or(c.URI, uri)
		c.MIMEType = cmp.Or(c.MIMEType, r.MIMEType)
	}
	return &tool.Result{Contents: contents}, nil
}

// members are the addresses of a resource: one, or those of a family.
type members struct {
	uri      string
	template *uritemplate.Template // nil for a single resource
}

func newMembers(r *tool.Resource) (*members, error) {
	if r.Template == "" {
		return &members{uri: r.URI}, nil
	}
	template, err := uritemplate.New(r.Template)
	if err != nil {
		return nil, fmt.Errorf("resource %q: template: %w", r.Name, err)
	}
	return &members{template: template}, nil
}

// find returns the variables of the address, and whether it is one of these.
func (m *members) find(uri string) (vars map[string]string, ok bool) {
	if m.template == nil {
		return nil, uri == m.uri
	}
	found := m.template.Match(uri)
	if found == nil {
		return nil, false
	}
	vars = map[string]string{}
	for name, value := range found {
		vars[name] = strings.Join(value.V, ",")
	}
	return vars, true
}

func (m *members) variables() []string {
	if m.template == nil {
		return nil
	}
	return m.template.Varnames()
}
