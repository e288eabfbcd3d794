package tool

import (
	"context"
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// Prompt is a template of messages that a person picks in their client
// (MCP 2025-11-25, server/prompts). It goes through the gate as a tool does:
// role, limits, timeout and record are the same.
type Prompt struct {
	Name        string // as of a custom tool
	Title       string // "" means Name
	Description string
	MinRole     identity.Role
	Arguments   []Argument
	Timeout     time.Duration // 0 means DefaultTimeout
	Interactive bool          // as of a tool

	// Get writes the messages. args holds texts for arguments that exist, all
	// required ones among them.
	Get func(ctx context.Context, env Env, args map[string]string) ([]Message, error)
	// Complete proposes values for an argument that begins with typed, best
	// first; nil means that there are no proposals. Doors send 100 at most.
	Complete func(ctx context.Context, env Env, argument, typed string) ([]string, error)
}

// Argument is what a prompt may be given.
type Argument struct {
	Name        string
	Title       string // "" means Name
	Description string
	Required    bool
}

// Message is one message of a prompt.
type Message struct {
	Role    MessageRole
	Content Content
}

// MessageRole says who speaks in a prompt.
type MessageRole string

// The speakers.
const (
	User      MessageRole = "user"
	Assistant MessageRole = "assistant"
)

// Validate reports what is wrong with the prompt as the program declares it.
func (p *Prompt) Validate() error {
	if err := ValidateCustomName(p.Name); err != nil {
		return fmt.Errorf("prompt: %w", err)
	}
	switch {
	case p.Get == nil:
		return fmt.Errorf("prompt %q has no Get", p.Name)
	case p.MinRole == identity.None:
		return fmt.Errorf("prompt %q has no MinRole", p.Name)
	}
	seen := map[string]bool{}
	for _, a := range p.Arguments {
		if a.Name == "" || seen[a.Name] {
			return fmt.Errorf("prompt %q has two arguments or one without a name: %q", p.Name, a.Name)
		}
		seen[a.Name] = true
	}
	return nil
}
