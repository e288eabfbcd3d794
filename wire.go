package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/api"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/egress"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/loop"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/internal/oauth"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
	"github.com/mcp-gateway/mcp-gateway/internal/relay"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
	"github.com/mcp-gateway/mcp-gateway/internal/telemetry"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/builtin"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/offer"
	sqltools "github.com/mcp-gateway/mcp-gateway/internal/tools/sql"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// app is the gateway, built. Its fields are what running it needs; everything
// else is reached from them.
type app struct {
	cfg      *config.Config
	logs     telemetry.Logs
	log      *slog.Logger
	store    *store.DB
	audit    *audit.Log
	anchors  *audit.Anchors
	pools    *database.Pools
	bus      *relay.Bus
	closers  []io.Closer // connections to Redis
	mcp      *mcp.Handler
	oauth    *oauth.Server
	metrics  *telemetry.Metrics
	server   *http.Server
	watches  []tool.Resource
	draining atomic.Bool
}

// crypto is what the keys in force make possible.
type crypto struct {
	ring      *seal.Ring
	signer    *seal.Signer // of the audit log
	hasher    *seal.Hasher
	passwords *seal.Passwords
	issuer    *auth.Issuer
}

// passwordSlots is how many password hashes run at once: each takes a core
// and 19 MiB for tens of milliseconds.
const passwordSlots = 2

// wire builds the gateway. What it calls is the only constructor graph.
func wire(ctx context.Context, cfg *config.Config, keys config.Keys, c *command) (*app, error) {
	logs := telemetry.NewLogs(c.stdout, cfg.LogLevel)
	a := &app{
		cfg: cfg, logs: logs, log: logs.Logger("gateway"), pools: new(database.Pools),
		metrics: telemetry.NewMetrics(c.version), watches: watches(c.resources),
	}
	if err := a.build(ctx, keys, c); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *app) build(ctx context.Context, keys config.Keys, c *command) error {
	crypt, err := newCrypto(a.cfg, keys)
	if err != nil {
		return err
	}
	if err := a.openStore(ctx, crypt); err != nil {
		return err
	}
	if err := a.openBus(crypt.ring); err != nil {
		return err
	}
	who, err := a.newSignIn(crypt)
	if err != nil {
		return err
	}
	what, err := a.newTooling(ctx, crypt, who.limits, c)
	if err != nil {
		return err
	}
	return a.openDoors(keys, crypt, who, what, c)
}

// openStore opens the gateway's own database, with the audit log in it.
func (a *app) openStore(ctx context.Context, crypt crypto) (err error) {
	lines := audit.Lines(a.logs.Logger("audit"))
	options := store.Options{Stored: lines, Signer: crypt.signer, Ring: crypt.ring}
	if a.store, err = store.Open(ctx, a.cfg.Database.Source(), options); err != nil {
		return err
	}
	a.audit = audit.New(audit.Config{Store: measuredAudit{a.store, a.metrics}, Stored: lines})
	a.anchors = audit.NewAnchors(a.store, audit.NewAnchorFile(audit.AnchorFileConfig{
		Path: anchorPath(a.cfg), Signer: crypt.signer, Marks: a.store, Log: a.logs.Logger("audit"), Now: time.Now,
	}))
	if err := a.store.Migrate(ctx); err != nil {
		return err
	}
	return a.carryAudit(ctx)
}

// signIn is what finds out who somebody is.
type signIn struct {
	limits *limit.Limiter
	sso    *auth.SSO
	auth   *auth.Authenticator
	pages  *page.Set
}

func (a *app) newSignIn(crypt crypto) (s signIn, err error) {
	cfg, urls := a.cfg, auth.URLs{Base: a.cfg.Base.Text}
	s.limits = a.newLimits(crypt.hasher)
	s.sso, err = auth.NewSSO(auth.SSOConfig{
		Store: a.store, Ring: crypt.ring, Kinds: identityProviders(cfg), Audit: a.audit, URLs: urls,
		Log: a.logs.Logger("sso"), Now: time.Now, Grace: cfg.Entra.Grace, Fresh: cfg.AccessTokenTTL, States: cfg.OAuthStateTTL,
	})
	if err != nil {
		return s, err
	}
	s.auth, err = auth.New(auth.Config{
		Store: a.store, Issuer: crypt.issuer, Keys: crypt.hasher, Passwords: crypt.passwords, Audit: a.audit,
		Limits: s.limits, SSO: s.sso, URLs: urls, Log: a.logs.Logger("auth"), Now: time.Now,
		AllowQueryKeys: cfg.AllowQueryAPIKeys, SessionIdle: cfg.SessionIdle, SessionMax: cfg.SessionMax,
	})
	if err != nil {
		return s, err
	}
	s.pages, err = page.New(urls.Path())
	return s, err
}

// tooling is what can be called, and the gate before it.
type tooling struct {
	engines []database.Dialect
	env     database.Env
	sql     *sqltools.Provider
	catalog *gate.Catalog
	gate    *gate.Gate
	offers  mcp.Offers
}

func (a *app) newTooling(ctx context.Context, crypt crypto, limits *limit.Limiter, c *command) (t tooling, err error) {
	if err := checkCustom(c.tools); err != nil {
		return t, err
	}
	offers, err := offer.New(c.prompts, c.resources)
	if err != nil {
		return t, err
	}
	if t.env, err = newEnv(ctx, a.cfg); err != nil {
		return t, err
	}
	a.metrics.WatchPools("database", func() telemetry.PoolUsage { return telemetry.PoolUsage(a.pools.Usage()) })
	t.engines = dialects(a.metrics.GuardCache)
	var catalog *gate.Catalog // list_connections asks the catalogue that it is in
	allowed := func(ctx context.Context, p identity.Principal, name string) bool {
		return catalog.Allowed(ctx, p, name)
	}
	conns := connections{store: a.store, ring: crypt.ring}
	t.sql = &sqltools.Provider{Connections: conns, Dialects: byName(t.engines), Pools: a.pools, Env: t.env, Record: a.cfg.AuditSQL}
	catalog = gate.NewCatalog(providers(conns, t.sql, offers, c.tools, allowed), a.store)
	a.shareChanges(catalog)
	t.catalog = catalog
	t.gate = gate.New(gate.Config{
		Catalog: catalog, Recorder: a.audit, Limiter: newToolLimits(a.cfg, limits, a.audit), Slots: newSlots(), Memory: newMemory(), Observer: a.metrics,
		Logger: a.logs.Logger("gate"), Now: time.Now,
	})
	t.offers = mcp.Offers{
		Prompts: len(c.prompts) > 0, Resources: len(c.resources) > 0, Completions: offers.Completes(), Updates: len(a.watches) > 0,
	}
	return t, nil
}

// openDoors builds what is reached over HTTP.
func (a *app) openDoors(keys config.Keys, crypt crypto, who signIn, what tooling, c *command) error {
	cfg := a.cfg
	a.mcp = mcp.New(mcp.Config{
		Gate: what.gate, Auth: who.auth, Audit: a.audit, BaseURL: cfg.Base.Text, Origins: cfg.CORSOrigins,
		Version: c.version, Logger: a.logs.Logger("mcp"), Now: time.Now, Relay: a.bus, SessionKeys: crypt.hasher,
		Quirk: a.metrics.MCPQuirk, Seal: crypt.ring, Interactive: c.interactive(), Sessions: a.clientSessions(c.interactive()),
		Offers: what.offers, Bodies: newRequestMemory(bodyMemory), Decoded: newRequestMemory(decodedMemory),
	})
	management, err := api.New(api.Config{
		Store: a.store, Auth: who.auth, SSO: who.sso, Pages: who.pages, Keys: crypt.hasher, Passwords: crypt.passwords, Ring: crypt.ring,
		Databases: api.Databases{
			Dialects: what.engines, Drop: a.pools.Drop, Functions: what.sql.Functions,
			Env: func(slug string) database.Env {
				env := what.env
				env.Slug = slug
				return env
			},
		},
		Catalog: what.catalog, Audit: a.audit, Limits: who.limits,
		Registration: api.Registration{Closed: cfg.Registration == config.RegistrationClosed, Token: keys.Registration.Reveal()},
		Log:          a.logs.Logger("api"), Now: time.Now, Version: c.version, Base: cfg.Base.Text, Origins: cfg.CORSOrigins,
		Ready: a.ready, Metrics: a.metricsRoute(), MetricsToken: cfg.MetricsToken.Reveal(),
	})
	if err != nil {
		return err
	}
	a.oauth, err = oauth.New(oauth.Config{
		Store: a.store, Auth: who.auth, SSO: who.sso, Pages: who.pages, Issuer: crypt.issuer, Keys: crypt.hasher, Audit: a.audit, Limits: who.limits,
		Log: a.logs.Logger("oauth"), Now: time.Now, Documents: egress.NewClient(publicOnly(cfg.Egress), egress.ClientConfig{}),
		Base: cfg.Base.Text, Redirects: redirects(cfg),
		StateLife: cfg.OAuthStateTTL, CodeLife: cfg.OAuthCodeTTL, RefreshLife: cfg.RefreshTokenTTL,
	})
	if err != nil {
		return err
	}
	mux := httpx.NewMux()
	a.mcp.Routes(mux)
	a.oauth.Routes(mux)
	management.Mount(mux)
	who.pages.Mount(mux)
	a.server = httpx.NewServer(httpx.NewFront(httpx.FrontConfig{
		Next: mux, Log: a.logs.Logger("http"), Origins: cfg.CORSOrigins,
		Proxies: httpx.Proxies{Trusted: cfg.TrustedProxies, TrustPeer: cfg.TrustPeer}, Observe: a.metrics.HTTPRequest,
	}), a.logs.Logger("http"))
	return nil
}

func newCrypto(cfg *config.Config, keys config.Keys) (c crypto, err error) {
	if c.ring, err = seal.NewRing(keys.Encryption.Reveal(), reveal(keys.EncryptionOld)); err != nil {
		return c, err
	}
	if c.signer, err = seal.NewSigner(keys.Secret.Reveal(), reveal(keys.SecretOld)); err != nil {
		return c, err
	}
	if c.hasher, err = seal.NewHasher(keys.Secret.Reveal(), reveal(keys.SecretOld)); err != nil {
		return c, err
	}
	signing, err := seal.SigningKeys(keys.Secret.Reveal(), reveal(keys.SecretOld))
	if err != nil {
		return c, err
	}
	c.passwords = seal.NewPasswords(passwordSlots)
	c.issuer, err = auth.NewIssuer(auth.IssuerConfig{
		Algorithm: cfg.Algorithm, Keys: signing, Life: cfg.AccessTokenTTL, Now: time.Now,
	})
	return c, err
}

func reveal(secrets []config.Secret) []string {
	out := make([]string, len(secrets))
	for i, s := range secrets {
		out[i] = s.Reveal()
	}
	return out
}

// allowedFunc is the gate's decision about one tool.
type allowedFunc func(ctx context.Context, p identity.Principal, name string) bool

// providers lists what offers tools, in listing order (contract 6.3).
func providers(conns connections, databases, offers tool.Provider, custom []tool.Tool, allowed allowedFunc) []tool.Provider {
	own := slices.Clone(custom)
	slices.SortFunc(own, func(x, y tool.Tool) int { return cmp.Compare(x.Name, y.Name) })
	return []tool.Provider{
		builtin.Time{Now: time.Now},
		tool.Static(own),
		builtin.Connections{List: conns.described, Allowed: allowed},
		databases,
		offers,
	}
}

// checkCustom refuses at the start what would fail at every call, or for a
// whole organisation: a tool need not be made by tool.Func.
func checkCustom(tools []tool.Tool) error {
	seen := map[string]bool{}
	for _, t := range tools {
		if err := tool.ValidateCustomName(t.Name); err != nil {
			return err
		}
		switch {
		case seen[t.Name]:
			return fmt.Errorf("two tools are named %q", t.Name)
		case t.Prepare == nil:
			return fmt.Errorf("tool %q has no Prepare", t.Name)
		case t.MinRole == identity.None:
			return fmt.Errorf("tool %q has no MinRole", t.Name)
		case t.Event != "tool."+t.Name: // of a length that a record takes, and nobody else's
			return fmt.Errorf("tool %q must be recorded as %q, not %q", t.Name, "tool."+t.Name, t.Event)
		}
		seen[t.Name] = true
	}
	return nil
}

func byName(engines []database.Dialect) map[string]database.Dialect {
	named := map[string]database.Dialect{}
	for _, d := range engines {
		named[d.Name()] = d
	}
	return named
}

// announce tells the operator what a start decided.
func (a *app) announce(keys config.Keys) {
	for _, w := range a.cfg.Warnings {
		a.log.Warn(w)
	}
	a.log.Info("listening", "addr", a.cfg.Addr(), "base_url", a.cfg.Base.Text, "cors_origins", a.cfg.CORSOrigins, "database", a.cfg.Database.String())
	if keys.RegistrationIsNew {
		a.log.Warn("registering an organisation needs this token, shown only now: " + keys.Registration.Reveal())
	}
}

// start begins the background work and returns what waits for its end.
func (a *app) start(ctx context.Context) (wait func() error) {
	jobs := loop.NewGroup(a.logs.Logger("loop"))
	jobs.Go(ctx, "audit log", a.audit.Run)
	jobs.Go(ctx, "relay", a.bus.Run)
	a.awaitBus(ctx)
	jobs.Every(ctx, "idle pools", time.Minute, 0, func(context.Context) error { a.pools.CloseIdle(); return nil })
	if a.cfg.MetricsAddr != "" {
		jobs.Go(ctx, "metrics", a.serveMetrics)
	}
	jobs.Every(ctx, "audit anchors", audit.AnchorInterval, 0, a.anchors.Write)
	jobs.Every(ctx, "sign-in clean-up", time.Hour, time.Minute, a.oauth.Clean)
	for _, r := range a.watches {
		jobs.Every(ctx, "watch of resource "+r.Name, watchAgain, 0, func(ctx context.Context) error { return r.Watch(ctx, a.mcp.ResourceUpdated) })
	}
	if a.cfg.AuditRetention > 0 {
		jobs.Every(ctx, "audit retention", time.Hour, time.Minute, a.purgeAudit)
	}
	return func() error {
		jobs.Wait()
		// The last records of this run get their anchors too.
		if err := a.anchors.Write(context.WithoutCancel(ctx)); err != nil {
			a.log.Error("audit anchors", "err", err)
		}
		return a.pools.Close()
	}
}

// watchAgain is the pause after which a watch that ended is begun anew.
const watchAgain = 5 * time.Second

// watches are the resources that tell when they change.
func watches(resources []tool.Resource) (found []tool.Resource) {
	for _, r := range resources {
		if r.Watch != nil {
			found = append(found, r)
		}
	}
	return found
}

// metricsRoute is GET /metrics on the main listener, which exists only with a
// token (contract 3.1).
func (a *app) metricsRoute() http.Handler {
	if a.cfg.MetricsToken == "" {
		return nil
	}
	return a.metrics.Handler()
}

// serveMetrics serves GET /metrics on the listener of its own.
func (a *app) serveMetrics(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	server := httpx.NewServer(mux, a.logs.Logger("metrics"))
	server.Addr = a.cfg.MetricsAddr
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	return ignoreClosed(server.ListenAndServe())
}

// ready is what GET /readyz depends on beside the database (contract 3.1).
func (a *app) ready(context.Context) error {
	switch {
	case a.draining.Load():
		return fault.New(fault.Unavailable, "Shutting down")
	case a.cfg.Redis != "" && !a.bus.Listening():
		return fault.New(fault.Unavailable, "Redis unavailable")
	}
	return nil
}

func (a *app) close() {
	for _, c := range a.closers {
		c.Close() //nolint:errcheck // idle connections
	}
	err := a.pools.Close()
	if a.store != nil { // it may be what could not be opened
		err = errors.Join(err, a.store.Close())
	}
	if err != nil {
		a.log.Warn("close", "err", err)
	}
}

// redirects is where the configuration lets OAuth clients send people.
func redirects(cfg *config.Config) oauth.Redirects {
	return oauth.Redirects{Hosts: cfg.RedirectHosts, Schemes: cfg.RedirectSchemes}
}

// newEnv says what connections may reach; the slug is the tenant's.
func newEnv(ctx context.Context, cfg *config.Config) (database.Env, error) {
	env := database.Env{SQLiteDirs: cfg.SQLiteDirs}
	policy := cfg.Egress
	if cfg.Database.Engine == config.SQLite {
		env.OwnFiles = []string{cfg.Database.Path}
	} else {
		var err error
		if policy.DenyAddrs, err = ownAddresses(ctx, cfg.Database.URL.Reveal()); err != nil {
			return env, err
		}
	}
	env.Dialer = egress.NewDialer(policy, database.ConnectTimeout)
	return env, nil
}

// publicOnly is the policy for client metadata documents, whose addresses
// strangers choose: what the operator opened for databases is not for them
// (contract 4.5).
func publicOnly(p egress.Policy) egress.Policy {
	return egress.Policy{Deny: p.Deny, DenyHosts: p.DenyHosts, DenyPrivate: true}
}

// ownAddresses resolves where the gateway's own database listens, so that no
// connection of a tenant reaches it (contract 15.2 A5). It is resolved once:
// the pool that uses it was opened the moment before.
func ownAddresses(ctx context.Context, databaseURL string) ([]netip.AddrPort, error) {
	endpoints, err := store.Endpoints(databaseURL)
	if err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	for _, endpoint := range endpoints {
		host, service, err := net.SplitHostPort(endpoint)
		if err != nil {
			return nil, err
		}
		port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
		if err != nil {
			return nil, err
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
		for _, addr := range addrs {
			out = append(out, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
		}
	}
	return out, nil
}
