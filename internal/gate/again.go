package gate

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// askedClient is the client of a call that may wait for it. A person may take
// long to answer: what the tool does then it does by the rights that its caller
// has by then (contract 15.2 P2).
type askedClient struct {
	tool.Client
	call *call
}

// client is the client as the tool is given it.
func (c *call) client() tool.Client {
	if c.caller.Client == nil || c.caller.Again == nil {
		return c.caller.Client
	}
	return askedClient{c.caller.Client, c}
}

// Ask implements tool.Client.
func (a askedClient) Ask(ctx context.Context, questions tool.Questions) (tool.Answers, error) {
	answers, err := a.Client.Ask(ctx, questions)
	if err == nil {
		err = a.call.reauthorise(ctx)
	}
	if err != nil {
		return nil, err
	}
	return answers, nil
}

// reauthorise decides again whether the caller may make this call.
func (c *call) reauthorise(ctx context.Context) error {
	p, err := c.caller.Again(ctx)
	if err != nil {
		return err
	}
	rule, err := c.find(ctx, p)
	if err != nil {
		return err
	}
	if p.IsZero() || rule == nil || !rule.Allows(p.Role) {
		return fault.New(fault.Forbidden, c.rule.denied())
	}
	return nil
}
