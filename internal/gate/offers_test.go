package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// newOffer is an offer of the kind. address is that of a resource, a template
// if it has a variable.
func newOffer(kind tool.Kind, name, address string, min identity.Role) tool.Tool {
	t := newTool(name, min, func(context.Context) (*tool.Result, error) { return tool.Text(string(kind) + " " + name), nil })
	t.Kind, t.Event, t.Schema = kind, string(kind)+"."+name, json.RawMessage(`{"type":"object"}`)
	switch {
	case address == "":
		t.Prompt = &tool.Prompt{Name: name}
	case strings.Contains(address, "{"):
		t.Resource = &tool.Resource{Name: name, Template: address}
	default:
		t.Resource = &tool.Resource{Name: name, URI: address}
	}
	return t
}

func someOffers() []tool.Tool {
	return []tool.Tool{
		newTool("a", identity.Viewer, ok),
		newOffer(tool.KindPrompt, "a", "", identity.Viewer),
		newOffer(tool.KindCompletion, "a", "", identity.Viewer),
		newOffer(tool.KindPrompt, "z", "", identity.Admin),
		newOffer(tool.KindResource, "one", "doc:one", identity.Admin),
		newOffer(tool.KindResource, "few", "doc:{n}", identity.Viewer),
		newOffer(tool.KindResource, "all", "{+any}", identity.Viewer),
		newOffer(tool.KindCompletion, "few", "doc:{n}", identity.Viewer),
	}
}

// TestOffersAreNoTools: they have names and a way in of their own, and no
// override of a tool reaches them.
func TestOffersAreNoTools(t *testing.T) {
	over := overrides{"a": identity.Admin, "prompt:a": identity.Admin, "doc:one": identity.Viewer}
	g := newGate(&recorder{}, nil, over, someOffers()...)
	p := analyst().Principal
	rules, err := g.Catalog().Rules(t.Context(), p)
	if err != nil || len(rules) != 1 || rules[0].Effective != identity.Admin {
		t.Errorf("rules = %v, %v", rules, err)
	}
	set := mustToolset(t, g.Catalog(), p)
	if diff := cmp.Diff(map[string][]string{"prompts": {"a"}, "templates": {"few", "all"}},
		map[string][]string{"prompts": names(set.Prompts), "templates": names(set.Templates)}); diff != "" {
		t.Errorf("offered (-want +got):\n%s", diff)
	}
	if set.Tools != nil || set.Resources != nil {
		t.Errorf("tools %v, resources %v", names(set.Tools), names(set.Resources))
	}
	p.Role = identity.Admin
	if got := names(mustToolset(t, g.Catalog(), p).Resources); len(got) != 1 || got[0] != "one" {
		t.Errorf("resources of an administrator: %v", got)
	}
}

func names(tools []tool.Tool) (out []string) {
	for _, t := range tools {
		out = append(out, t.Name)
	}
	return out
}

func TestCallOffer(t *testing.T) {
	tests := []struct {
		name, offer string
		want        string // text or refusal
		event       string
	}{
		{"prompt", gate.PromptName("a"), "prompt a", "prompt.a"},
		{"completion of a prompt", gate.CompletionName(gate.PromptName("a")), "completion a", "completion.a"},
		{"completion of a template", gate.CompletionName(gate.ResourceName("doc:{n}")), "completion few", "completion.few"},
		{"an exact address wins, also when it is refused", gate.ResourceName("doc:one"), "Permission denied", "resource.one.denied"},
		{"the first template wins", gate.ResourceName("doc:two"), "resource few", "resource.few"},
		{"another template", gate.ResourceName("x:y"), "resource all", "resource.all"},
		{"too long an address", gate.ResourceName("doc:" + strings.Repeat("n", 2048)), "Unknown resource: doc:", "resource.unknown.rejected"},
		{"unknown prompt", gate.PromptName("b"), "Unknown prompt: b", "prompt.unknown.rejected"},
		{"unknown completion", gate.CompletionName("b"), "Unknown completion: b", "completion.unknown.rejected"},
		{"a tool is no offer", "a", "Unknown a: ", "a.unknown.rejected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := &recorder{}
			result, err := newGate(rec, nil, nil, someOffers()...).CallOffer(t.Context(), analyst(), tt.offer, nil)
			got := ""
			if result != nil {
				got = result.Text
			}
			var refusal *gate.Refusal
			if errors.As(err, &refusal) {
				got = refusal.Text
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("%.200q, want %q", got, tt.want)
			}
			if e := rec.only(t); e.Name != tt.event {
				t.Errorf("event %q, want %q", e.Name, tt.event)
			}
		})
	}
}

// TestToolsCannotCallOffers: neither a client by tools/call nor a tool by
// Env.Call reaches an offer.
func TestToolsCannotCallOffers(t *testing.T) {
	rec := &recorder{}
	_, err := newGate(rec, nil, nil, someOffers()...).Call(t.Context(), analyst(), gate.PromptName("a"), nil)
	if err == nil || err.Error() != "Unknown tool: prompt:a" {
		t.Errorf("error %v", err)
	}
	if e := rec.only(t); e.Name != "tool.unknown.rejected" {
		t.Errorf("event %q", e.Name)
	}
}

func TestTwoOffersOfOneNameAreRefused(t *testing.T) {
	twice := newOffer(tool.KindPrompt, "a", "", identity.Viewer)
	wrong := newOffer(tool.KindResource, "r", "x:{", identity.Viewer)
	for _, tools := range [][]tool.Tool{{twice, twice}, {wrong}} {
		c := gate.NewCatalog([]tool.Provider{tool.Static(tools)}, overrides{})
		if _, err := c.Toolset(t.Context(), analyst().Principal); err == nil {
			t.Errorf("%v were taken", names(tools))
		}
	}
}
