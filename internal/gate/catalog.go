package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
	"golang.org/x/sync/singleflight"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Overrides reads the role overrides of a tenant, by tool identity
// (contract 8.2).
type Overrides interface {
	Overrides(ctx context.Context, t identity.TenantID) (map[string]identity.Role, error)
}

// Catalog keeps, per tenant, what its providers offer. A snapshot is valid for
// one configuration version of the tenant: the version comes with every
// Principal, so a change counts from the next call on, on every replica,
// without a message that could be lost.
type Catalog struct {
	providers []tool.Provider
	overrides Overrides
	load      singleflight.Group

	mu        sync.RWMutex
	snapshots map[identity.TenantID]*snapshot
	watchers  map[identity.TenantID]map[chan struct{}]struct{}
	tell      func(identity.TenantID) // the other instances, nil when there are none
}

// NewCatalog returns a catalogue of the providers' tools, in their order.
func NewCatalog(providers []tool.Provider, overrides Overrides) *Catalog {
	return &Catalog{
		providers: providers,
		overrides: overrides,
		snapshots: map[identity.TenantID]*snapshot{},
		watchers:  map[identity.TenantID]map[chan struct{}]struct{}{},
	}
}

// Rule is a tool with the roles that decide about it.
type Rule struct {
	Tool tool.Tool
	// Default is the rule without an override.
	Default identity.Role
	// Override is the stored override, None when there is none.
	Override identity.Role
	// Effective is the least role that may call the tool.
	Effective identity.Role

	schema *jsonschema.Resolved
	flat   *flat // of the same schema, nil if it is none
}

// Visible reports whether the caller may know of the tool at all: no override
// opens a connection below its min_role (contract 8.2, step 1).
func (r *Rule) Visible(role identity.Role) bool { return role.Allows(r.Tool.Floor) }

// Allows reports whether the role may call the tool. It is the one decision
// function of REST, MCP and natural-language query (contract 15.2, U9).
func (r *Rule) Allows(role identity.Role) bool { return r.Visible(role) && role.Allows(r.Effective) }

// denied is what a caller reads whose role is too low.
func (r *Rule) denied() string { return cmp.Or(r.Tool.Denied, "Permission denied") }

type snapshot struct {
	config   int64
	rules    []*Rule
	byName   map[string]*Rule
	offers   offers
	toolsets map[identity.Role]*Toolset
}

// Toolset is what one role of a tenant may call, in listing order. It is
// immutable and shared.
type Toolset struct {
	Tools []tool.Tool
	// Prompts, Resources and Templates are the offers that doors list beside
	// tools: a template is a family of resources.
	Prompts, Resources, Templates []tool.Tool

	mu   sync.Mutex
	memo map[string][]byte
}

// Memo returns what build made of the toolset for this key, building it once
// in the toolset's life. Doors keep their encoded lists here, so that a list
// is encoded once per role and change, not per request.
func (t *Toolset) Memo(key string, build func() []byte) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.memo[key]
	if !ok {
		b = build()
		t.memo[key] = b
	}
	return b
}

// Toolset returns what the principal may call.
func (c *Catalog) Toolset(ctx context.Context, p identity.Principal) (*Toolset, error) {
	s, err := c.snapshot(ctx, p)
	if err != nil {
		return nil, err
	}
	if t, ok := s.toolsets[p.Role]; ok {
		return t, nil
	}
	return &Toolset{memo: map[string][]byte{}}, nil
}

// Rules returns every tool of the principal's tenant with its rule, in listing
// order. The slice is shared: do not change it.
func (c *Catalog) Rules(ctx context.Context, p identity.Principal) ([]*Rule, error) {
	s, err := c.snapshot(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.rules, nil
}

// Rule returns the rule of one tool, nil when the tenant has no such tool.
func (c *Catalog) Rule(ctx context.Context, p identity.Principal, name string) (*Rule, error) {
	s, err := c.snapshot(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.byName[name], nil
}

// Offer returns the rule of one offer, by the name that PromptName,
// ResourceName or CompletionName gives it, nil when the tenant has no such
// offer.
func (c *Catalog) Offer(ctx context.Context, p identity.Principal, name string) (*Rule, error) {
	s, err := c.snapshot(ctx, p)
	if err != nil {
		return nil, err
	}
	return s.offers.find(name), nil
}

// Allowed reports whether the principal may call the named tool. A catalogue
// that cannot be read allows nothing.
func (c *Catalog) Allowed(ctx context.Context, p identity.Principal, name string) bool {
	r, err := c.Rule(ctx, p, name)
	return err == nil && r != nil && r.Allows(p.Role)
}

// TellOthers sets how other instances learn of a change here. It comes before
// the first change.
func (c *Catalog) TellOthers(tell func(identity.TenantID)) { c.tell = tell }

// Changed tells the tenant's watchers, on every instance, that its tools may
// have changed.
func (c *Catalog) Changed(t identity.TenantID) {
	c.ChangedElsewhere(t)
	if c.tell != nil {
		c.tell(t)
	}
}

// ChangedElsewhere tells the watchers of this instance of a change that was
// made on another.
func (c *Catalog) ChangedElsewhere(t identity.TenantID) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	notify(c.watchers[t])
}

// ChangesMissed tells every watcher of this instance that changes made on
// others may have gone unheard.
func (c *Catalog) ChangesMissed() {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, watchers := range c.watchers {
		notify(watchers)
	}
}

// notify leaves each watcher a notice, unless one is waiting to be read.
func notify(watchers map[chan struct{}]struct{}) {
	for ch := range watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Watch returns a channel that receives after changes of the tenant's tools,
// and a function that ends the watch.
func (c *Catalog) Watch(t identity.TenantID) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchers[t] == nil {
		c.watchers[t] = map[chan struct{}]struct{}{}
	}
	c.watchers[t][ch] = struct{}{}
	return ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers[t], ch)
		if len(c.watchers[t]) == 0 {
			delete(c.watchers, t)
		}
	}
}

func (c *Catalog) snapshot(ctx context.Context, p identity.Principal) (*snapshot, error) {
	c.mu.RLock()
	s := c.snapshots[p.Tenant]
	c.mu.RUnlock()
	if s != nil && s.config == p.Config {
		return s, nil
	}
	// The build outlives the caller that started it: others wait for it.
	key := fmt.Sprintf("%s/%d", p.Tenant, p.Config)
	v, err, _ := c.load.Do(key, func() (any, error) { return c.build(context.WithoutCancel(ctx), p) })
	if err != nil {
		return nil, err
	}
	return v.(*snapshot), nil
}

func (c *Catalog) build(ctx context.Context, p identity.Principal) (*snapshot, error) {
	overrides, err := c.overrides.Overrides(ctx, p.Tenant)
	if err != nil {
		return nil, fmt.Errorf("tool overrides: %w", err)
	}
	s := &snapshot{config: p.Config, byName: map[string]*Rule{}, offers: newOffers(), toolsets: map[identity.Role]*Toolset{}}
	for _, provider := range c.providers {
		tools, err := provider.Tools(ctx, p.Tenant)
		if err != nil {
			return nil, fmt.Errorf("list tools: %w", err)
		}
		for _, t := range tools {
			if err := s.add(t, overrides); err != nil {
				return nil, err
			}
		}
	}
	for _, role := range identity.Roles() {
		s.toolsets[role] = s.toolset(role)
	}
	c.keep(p.Tenant, s)
	return s, nil
}

// keep stores the snapshot unless a newer one arrived meanwhile.
func (c *Catalog) keep(t identity.TenantID, s *snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.snapshots[t]; old == nil || old.config <= s.config {
		c.snapshots[t] = s
	}
}

func (s *snapshot) add(t tool.Tool, overrides map[string]identity.Role) error {
	if isOffer(t.Kind) {
		return s.offers.add(t)
	}
	if _, taken := s.byName[t.Name]; taken {
		return fmt.Errorf("two tools are named %q", t.Name)
	}
	if t.Identity == "" {
		t.Identity = t.Name
	}
	r, err := newRule(t, overrides[t.Identity])
	if err != nil {
		return err
	}
	s.rules = append(s.rules, r)
	s.byName[t.Name] = r
	return nil
}

func newRule(t tool.Tool, override identity.Role) (*Rule, error) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(t.Schema, &schema); err != nil {
		return nil, fmt.Errorf("tool %q: input schema: %w", t.Name, err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return nil, fmt.Errorf("tool %q: input schema: %w", t.Name, err)
	}
	r := &Rule{Tool: t, Default: max(t.Floor, t.MinRole), Override: override, schema: resolved, flat: flatten(&schema)}
	r.Effective = r.Default
	if r.Override != identity.None {
		r.Effective = max(t.Floor, r.Override)
	}
	return r, nil
}

func (s *snapshot) toolset(role identity.Role) *Toolset {
	set := &Toolset{memo: map[string][]byte{}}
	for _, r := range s.rules {
		if r.Allows(role) {
			set.Tools = append(set.Tools, r.Tool)
		}
	}
	s.offers.addTo(set, role)
	return set
}
