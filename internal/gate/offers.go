package gate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/yosida95/uritemplate/v3"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Offers are what the gate treats as tools and a door shows as something else:
// prompts, resources, completions. They have names of their own, so that a
// prompt may be named as a tool is, and are not in Toolset.Tools or Rules: no
// override reaches them.

// The beginnings of the names of offers.
const (
	promptPrefix     = "prompt:"
	resourcePrefix   = "resource:"
	completionPrefix = "completion:"
)

// PromptName is what [Gate.CallOffer] calls a prompt.
func PromptName(name string) string { return promptPrefix + name }

// ResourceName is what [Gate.CallOffer] calls the resource at this address.
func ResourceName(uri string) string { return resourcePrefix + uri }

// CompletionName is what [Gate.CallOffer] calls the completion of a prompt, or
// of a resource by its address or template.
func CompletionName(offer string) string { return completionPrefix + offer }

func isOffer(k tool.Kind) bool {
	return k == tool.KindPrompt || k == tool.KindResource || k == tool.KindCompletion
}

// MaxURI bounds, in bytes, the addresses that are compared with templates:
// anybody can send one, and the comparison comes before every limit.
const MaxURI = 2048

// offers are those of a tenant, in the order of their provider.
type offers struct {
	rules    []*Rule
	byName   map[string]*Rule
	families []family
}

// family is a resource with a template.
type family struct {
	template *uritemplate.Template
	rule     *Rule
}

func newOffers() offers { return offers{byName: map[string]*Rule{}} }

// add takes an offer. A family has no name of its own to be read by: its
// members' addresses find it.
func (o *offers) add(t tool.Tool) error {
	name := offerName(&t)
	if _, taken := o.byName[name]; taken {
		return fmt.Errorf("two offers are named %q", name)
	}
	t.Identity = name
	r, err := newRule(t, identity.None)
	if err != nil {
		return err
	}
	o.rules = append(o.rules, r)
	if t.Kind != tool.KindResource || t.Resource.Template == "" {
		o.byName[name] = r
		return nil
	}
	template, err := uritemplate.New(t.Resource.Template)
	if err != nil {
		return fmt.Errorf("resource %q: template: %w", t.Name, err)
	}
	o.families = append(o.families, family{template, r})
	return nil
}

func offerName(t *tool.Tool) string {
	name := PromptName(t.Name)
	if t.Resource != nil {
		name = ResourceName(cmp.Or(t.Resource.URI, t.Resource.Template))
	}
	if t.Kind == tool.KindCompletion {
		return CompletionName(name)
	}
	return name
}

// find returns the offer of this name. An exact address wins over a template,
// and an earlier template over a later one.
func (o *offers) find(name string) *Rule {
	if r := o.byName[name]; r != nil {
		return r
	}
	uri, ok := strings.CutPrefix(name, resourcePrefix)
	if !ok || len(uri) > MaxURI {
		return nil
	}
	for _, f := range o.families {
		if f.template.Match(uri) != nil {
			return f.rule
		}
	}
	return nil
}

// addTo adds what the role may use to its toolset.
func (o *offers) addTo(set *Toolset, role identity.Role) {
	for _, r := range o.rules {
		switch {
		case !r.Allows(role) || r.Tool.Kind == tool.KindCompletion:
		case r.Tool.Kind == tool.KindPrompt:
			set.Prompts = append(set.Prompts, r.Tool)
		case r.Tool.Resource.URI != "":
			set.Resources = append(set.Resources, r.Tool)
		default:
			set.Templates = append(set.Templates, r.Tool)
		}
	}
}
