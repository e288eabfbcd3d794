// Package tool is the contract between the gateway and the things it can do.
// A tool knows nothing of protocols, roles in force, limits or audit: the gate
// applies those to every tool alike, and a tool cannot opt out.
package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// DefaultTimeout bounds one call of a tool that sets none.
const DefaultTimeout = 30 * time.Second

// Kind groups tools for the management API (contract 3.6, tool_type).
type Kind string

// The kinds of contract 3.6.
const (
	KindCustom     Kind = "custom"
	KindFilesystem Kind = "filesystem"
	KindUtility    Kind = "utility"
	KindSchema     Kind = "schema"
	KindExecute    Kind = "execute"
)

// The kinds that the gate treats as tools and a door offers as something else.
const (
	KindPrompt     Kind = "prompt"
	KindResource   Kind = "resource"
	KindCompletion Kind = "completion"
)

// Tool is one thing that can be called. Tools are values: a provider builds
// them per tenant, the gate caches them and calls Prepare concurrently.
type Tool struct {
	Name        string // wire name, contract 6.3
	Title       string
	Description string
	Kind        Kind
	Schema      json.RawMessage // input JSON Schema (2020-12), root type object
	Output      json.RawMessage // output JSON Schema, nil when the result is plain text
	MinRole     identity.Role   // default rule, before overrides
	Floor       identity.Role   // no override goes below it (a connection's min_role)
	Hints       Hints
	Timeout     time.Duration // 0 means DefaultTimeout
	Event       string        // audit name without suffix, e.g. "tool.execute_sql"
	// Interactive marks a tool that logs to its client or asks it (Env.Log,
	// Env.Ask). A build with one keeps sessions for clients before 2026-07-28.
	Interactive bool

	// Identity is what a role override is stored against: it outlives a
	// rename. Empty means Name.
	Identity string
	// Connection is the id of the connection behind the tool, "" if none;
	// ConnectionName is its name for people.
	Connection     string
	ConnectionName string
	// Denied is the text for a caller whose role is too low, contract 6.4.
	// Empty means "Permission denied".
	Denied string

	// Prompt or Resource is what a door offers this as, when Kind says that it
	// is no tool to a client.
	Prompt   *Prompt
	Resource *Resource

	// Prepare checks the arguments and says what would be done, doing none of
	// it. args already satisfy Schema. A *fault.Error refuses the call.
	Prepare func(ctx context.Context, env Env, args json.RawMessage) (Action, error)
}

// Hints are the behaviour hints of MCP tool annotations.
type Hints struct {
	ReadOnly    bool
	Destructive bool
	Idempotent  bool
	OpenWorld   bool
}

// Action is a prepared call.
type Action struct {
	// Detail goes into the audit record (contract 10). It never holds
	// secrets, file contents or result data.
	Detail map[string]any
	// Run does it. It returns when ctx ends.
	Run func(ctx context.Context) (*Result, error)
}

// Env is what a tool may know about its call.
type Env struct {
	Principal identity.Principal
	// Call reaches another tool through the gate, as the same principal,
	// under the same rules, with its own linked audit record.
	Call func(ctx context.Context, name string, args any) (*Result, error)
	// Client is the client behind the call, nil if there is none.
	Client Client
	// Room waits until the caller may hold a result of so many bytes: those of
	// all its tenant's callers are bounded (contract 15.2 P5). A tool need not
	// ask, but one that builds large results does well to ask before it does.
	// It passes the error on as it is. May be nil.
	Room func(ctx context.Context, bytes int) error
}

// Result is what a call returns: text, a JSON value, a table, or content
// blocks. Doors render it. Exactly one of Text, JSON, Table and Content is set,
// or what a prompt, a resource or a completion answers with.
type Result struct {
	Text    string          // plain text for the reading model
	JSON    json.RawMessage // a JSON value; doors also show it as text
	Table   *Table          // rows, encoded once
	Content []Content       // blocks, in the order of reading

	Messages []Message  // KindPrompt
	Contents []Contents // KindResource
	Values   []string   // KindCompletion, best first

	// Structured goes out as structuredContent beside Text or Content when
	// the text form is not the JSON (get_schema). It is a JSON object.
	Structured json.RawMessage
	// IsError marks a failure that the model should read.
	IsError bool
	// Detail is added to the audit record (row_count, truncated, …).
	Detail map[string]any
}

// Text returns a plain text result.
func Text(s string) *Result { return &Result{Text: s} }

// JSON returns v as a JSON result.
func JSON(v any) (*Result, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode tool result: %w", err)
	}
	return &Result{JSON: b}, nil
}

// Provider lists tools. Tools depends on the tenant only, so that the gate can
// keep the answer until something of the tenant changes; who may see what is
// the gate's decision.
type Provider interface {
	Tools(ctx context.Context, t identity.TenantID) ([]Tool, error)
}

// Static is a Provider of the same tools for every tenant.
type Static []Tool

// Tools returns the list.
func (s Static) Tools(context.Context, identity.TenantID) ([]Tool, error) { return s, nil }

var customName = regexp.MustCompile(`^[A-Za-z0-9_/-]{1,64}$`)

// reservedPrefixes belong to the built-in families (contract 6.3).
var reservedPrefixes = []string{"get_schema_", "execute_sql_", "fs_"}

// reservedNames would collide with audit events (contract 10) or built-in tools.
var reservedNames = []string{"override_set", "override_reset", "get_current_time", "list_connections", "execute_sql", "get_schema"}

// ValidateCustomName reports why a custom tool may not have this name.
func ValidateCustomName(name string) error {
	if !customName.MatchString(name) {
		return fmt.Errorf("tool name %q must match %s", name, customName)
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return fmt.Errorf("tool name %q may not begin with %q", name, p)
		}
	}
	for _, r := range reservedNames {
		if name == r {
			return fmt.Errorf("tool name %q is reserved", name)
		}
	}
	return nil
}
