package gateway

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/relay"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// openBus lets this instance talk to the others: through Redis where there is
// one, else through the database when there are others (contract 11).
func (a *app) openBus(ring *seal.Ring) error {
	cfg := relay.Config{Seal: ring, Log: a.logs.Logger("relay")}
	switch {
	case a.cfg.Redis != "":
		transport := relay.NewRedis(a.cfg.Redis.Reveal())
		a.closers = append(a.closers, transport)
		cfg.Transport = transport
	case a.cfg.Instances > 1:
		notify, err := a.store.Relay()
		if err != nil {
			return err
		}
		cfg.Transport = notify
	}
	a.bus = relay.New(cfg)
	return nil
}

// connectTimeout bounds how long a start waits for a bus that is down.
const connectTimeout = 2 * time.Second

// awaitBus waits until the others can reach this instance, so that no client
// holds a session which they do not find.
func (a *app) awaitBus(ctx context.Context) {
	select {
	case <-a.bus.Connected():
	case <-time.After(connectTimeout):
		a.log.WarnContext(ctx, "other instances cannot reach this one yet")
	}
}

// topicCatalog is the event that a tenant's tools may have changed. It names
// the tenant.
const topicCatalog = "catalog.changed"

// tellTimeout bounds how long a change waits for a bus that is down. Others
// then learn of it at their next look, which is never far (note 007).
const tellTimeout = 2 * time.Second

// shareChanges tells the other instances of changed tools, and hears of theirs.
func (a *app) shareChanges(catalog *gate.Catalog) {
	catalog.TellOthers(func(t identity.TenantID) {
		ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
		defer cancel()
		if err := a.bus.Publish(ctx, topicCatalog, []byte(t)); err != nil {
			a.log.WarnContext(ctx, "other instances not told of changed tools", "err", err)
		}
	})
	a.bus.Subscribe(topicCatalog, relay.Subscriber{
		Received: func(tenant []byte) { catalog.ChangedElsewhere(identity.TenantID(tenant)) },
		Missed:   catalog.ChangesMissed,
	})
}
