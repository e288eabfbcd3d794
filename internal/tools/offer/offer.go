// Package offer makes prompts, resources and their completions tools of kinds
// of their own, so that they go through the gate like any other call. What the
// MCP door lists them as is the business of the door.
package offer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Provider provides the prompts and resources of this build, the same for
// every tenant, by name.
type Provider struct {
	tools     []tool.Tool
	completes bool
}

var _ tool.Provider = (*Provider)(nil)

// New checks what the program declares, so that a mistake stops the start and
// not the first call.
func New(prompts []tool.Prompt, resources []tool.Resource) (*Provider, error) {
	prompts, resources = slices.Clone(prompts), slices.Clone(resources)
	slices.SortFunc(prompts, func(a, b tool.Prompt) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(resources, func(a, b tool.Resource) int { return cmp.Compare(a.Name, b.Name) })
	p := &Provider{completes: completes(prompts, resources)}
	if err := p.addPrompts(prompts); err != nil {
		return nil, err
	}
	if err := p.addResources(resources); err != nil {
		return nil, err
	}
	return p, nil
}

// Tools returns the prompts, the resources and the completions.
func (p *Provider) Tools(context.Context, identity.TenantID) ([]tool.Tool, error) {
	return p.tools, nil
}

// Completes reports whether anything here proposes values. Only then are there
// completions: one for each prompt and resource, empty where nobody proposes.
func (p *Provider) Completes() bool { return p.completes }

func completes(prompts []tool.Prompt, resources []tool.Resource) bool {
	return slices.ContainsFunc(prompts, func(p tool.Prompt) bool { return p.Complete != nil }) ||
		slices.ContainsFunc(resources, func(r tool.Resource) bool { return r.Complete != nil })
}

func (p *Provider) addPrompts(prompts []tool.Prompt) error {
	for i := range prompts {
		prompt := &prompts[i]
		if err := prompt.Validate(); err != nil {
			return err
		}
		if i > 0 && prompts[i-1].Name == prompt.Name {
			return fmt.Errorf("two prompts are named %q", prompt.Name)
		}
		p.tools = append(p.tools, promptTool(prompt))
		if p.completes {
			p.tools = append(p.tools, promptCompletion(prompt))
		}
	}
	return nil
}

func (p *Provider) addResources(resources []tool.Resource) error {
	addresses := map[string]bool{}
	for i := range resources {
		resource := &resources[i]
		if err := resource.Validate(); err != nil {
			return err
		}
		address := cmp.Or(resource.URI, resource.Template)
		switch {
		case i > 0 && resources[i-1].Name == resource.Name:
			return fmt.Errorf("two resources are named %q", resource.Name)
		case addresses[address]:
			return fmt.Errorf("two resources are at %q", address)
		}
		addresses[address] = true
		if err := p.addResource(resource); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) addResource(r *tool.Resource) error {
	member, err := newMembers(r)
	if err != nil {
		return err
	}
	p.tools = append(p.tools, resourceTool(r, member))
	if p.completes {
		p.tools = append(p.tools, resourceCompletion(r, member))
	}
	return nil
}
