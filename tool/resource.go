package tool

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/yosida95/uritemplate/v3"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// Resource is something that a client can read by its address
// (MCP 2025-11-25, server/resources), or a family of them. It goes through the
// gate as a tool does: role, limits, timeout and record are the same.
type Resource struct {
	Name        string // as of a custom tool
	Title       string // "" means Name
	Description string
	MIMEType    string // "" when unknown
	MinRole     identity.Role
	Timeout     time.Duration // 0 means DefaultTimeout
	Interactive bool          // as of a tool

	// URI is the address, or Template the form of the addresses of a family
	// (RFC 6570). One of the two is set.
	URI      string
	Template string

	// Read returns the contents. vars are the variables of the template.
	// ErrNoResource says that a family has no such member.
	Read func(ctx context.Context, env Env, uri string, vars map[string]string) ([]Contents, error)
	// Watch tells clients that have subscribed of changes; nil when nothing is
	// known of them. An error is logged, and Watch is called again.
	Watch ResourceWatch
	// Complete proposes values for a variable of the template that begins with
	// typed, best first; nil means that there are no proposals.
	Complete func(ctx context.Context, env Env, variable, typed string) ([]string, error)
}

// ResourceWatch is a function that runs as long as the gateway does and calls
// changed whenever the resource at an address has other contents. Each instance
// runs its own.
type ResourceWatch func(ctx context.Context, changed func(uri string)) error

// ErrNoResource is returned by Read for an address at which there is nothing.
var ErrNoResource = errors.New("resource not found")

// Validate reports what is wrong with the resource as the program declares it.
func (r *Resource) Validate() error {
	if err := ValidateCustomName(r.Name); err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	switch {
	case r.Read == nil:
		return fmt.Errorf("resource %q has no Read", r.Name)
	case r.MinRole == identity.None:
		return fmt.Errorf("resource %q has no MinRole", r.Name)
	case (r.URI == "") == (r.Template == ""):
		return fmt.Errorf("resource %q must have a URI or a Template", r.Name)
	}
	if r.Template != "" {
		if _, err := uritemplate.New(r.Template); err != nil {
			return fmt.Errorf("resource %q: template: %w", r.Name, err)
		}
		return nil
	}
	if u, err := url.Parse(r.URI); err != nil || !u.IsAbs() {
		return fmt.Errorf("resource %q: %q is not an absolute URI", r.Name, r.URI)
	}
	return nil
}
