package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func event(name string) audit.Event {
	return audit.Event{Name: name, At: time.Now()}
}

func created(store.Tenant, store.User) []audit.Event { return []audit.Event{event("tenant.created")} }

func mustAudit(t *testing.T, s store.Scope, prefixes ...string) []store.AuditRecord {
	t.Helper()
	records, err := s.AuditRecords(t.Context(), prefixes, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestAuditList(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		tenant, other := identity.TenantID("t1"), identity.TenantID("t2")
		start := time.Date(2026, 11, 1, 12, 0, 0, 123_456_000, time.FixedZone("", 3600))
		var events []audit.Event
		for i, name := range []string{"fs.read", "query.success", "tool.x", "query_x", "QUERY.y", "f%.z", "tool.y"} {
			events = append(events,
				audit.Event{Tenant: tenant, Name: name, At: start.Add(time.Duration(i) * time.Second), IP: "192.0.2.1",
					UserEmail: "a@b.example", RequestID: "r", Auth: "token", Metadata: map[string]any{"n": i}},
				audit.Event{Tenant: other, Name: name, At: start})
		}
		if err := d.AppendAudit(ctx, events); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			prefixes []string
			page     store.Page
			want     []string
		}{
			"all":           {nil, store.Page{}, []string{"tool.y", "f%.z", "QUERY.y", "query_x", "tool.x", "query.success", "fs.read"}},
			"one":           {[]string{"query"}, store.Page{}, []string{"query_x", "query.success"}},
			"any":           {[]string{"tool", "fs"}, store.Page{}, []string{"tool.y", "tool.x", "fs.read"}},
			"percent":       {[]string{"f%"}, store.Page{}, []string{"f%.z"}},
			"underscore":    {[]string{"query_"}, store.Page{}, []string{"query_x"}},
			"within":        {[]string{"tool.x", "query.s", "tool.xyz"}, store.Page{}, []string{"tool.x", "query.success"}},
			"overlapping":   {[]string{"tool.x", "tool", "too"}, store.Page{}, []string{"tool.y", "tool.x"}},
			"quote":         {[]string{"' OR 1=1 --"}, store.Page{}, nil},
			"empty prefix":  {[]string{""}, store.Page{Limit: 1}, []string{"tool.y"}},
			"page":          {[]string{"query", "tool"}, store.Page{Skip: 1, Limit: 2}, []string{"query_x", "tool.x"}},
			"past the end":  {nil, store.Page{Skip: 100}, nil},
			"negative skip": {nil, store.Page{Skip: -5, Limit: 1}, []string{"tool.y"}},
		} {
			records, err := d.Tenant(tenant).AuditRecords(ctx, c.prefixes, c.page)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var got []string
			for _, r := range records {
				got = append(got, r.Event)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		last := mustAudit(t, d.Tenant(tenant), "fs")[0]
		if !last.CreatedAt.Equal(start) || last.CreatedAt.Location() != time.UTC || last.IP != "192.0.2.1" ||
			string(last.Metadata) != `{"auth":"token","n":0,"request_id":"r","user_email":"a@b.example"}` {
			t.Errorf("record = %+v %s", last, last.Metadata)
		}
	})
}

func TestAuditStoresWhateverCallersSend(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		bad := audit.Event{
			Tenant: "t1", Name: "login.failure", At: time.Now(), UserEmail: "a\x00b\xff", IP: "\x00", RequestID: "\xf0\x28",
			Metadata: map[string]any{"email": "x\x00y\xfe", "big": strings.Repeat("ü", 1<<20)},
		}
		if err := d.AppendAudit(ctx, []audit.Event{bad}); err != nil {
			t.Fatal(err)
		}
		if r := mustAudit(t, d.Tenant("t1"))[0]; r.UserEmail != `a\u0000b`+"\uFFFD" {
			t.Errorf("e-mail = %q", r.UserEmail)
		}
		if n, err := verifyChain(ctx, d, "t1"); n != 1 || err != nil {
			t.Errorf("verify = %d, %v", n, err)
		}
	})
}

func TestAuditRefusesTheUnstorable(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		for name, e := range map[string]audit.Event{
			"no name":   {Tenant: "t1", At: time.Now()},
			"long name": {Tenant: "t1", Name: strings.Repeat("x", audit.MaxEventName+1), At: time.Now()},
			"metadata":  {Tenant: "t1", Name: "x", At: time.Now(), Metadata: map[string]any{"c": make(chan int)}},
		} {
			if err := d.AppendAudit(ctx, []audit.Event{event("good"), e}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v, want Invalid", name, err)
			}
		}
		if chains, err := d.AuditTenants(ctx); err != nil || len(chains) != 0 {
			t.Errorf("something was stored: %v, %v", chains, err)
		}
	})
}

func TestAuditChainUnderConcurrentWriters(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		a, b := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		const writers, rounds = 8, 10
		var wg sync.WaitGroup
		fails := make(chan error, writers*rounds)
		for w := range writers {
			wg.Go(func() {
				for i := range rounds {
					if w%2 == 0 { // the order of tenants differs from writer to writer
						fails <- d.AppendAudit(ctx, batch(i, b.ID, a.ID, ""))
					} else {
						fails <- write(ctx, a.scope, func(tx *store.Tx) error { return tx.RenameTenant(ctx, fmt.Sprintf("N%d-%d", w, i)) })
					}
				}
			})
		}
		wg.Wait()
		close(fails)
		for err := range fails {
			if err != nil {
				t.Error(err)
			}
		}
		for tenant, want := range map[identity.TenantID]int64{"": 40, a.ID: 2 + 40 + 40, b.ID: 2 + 40} {
			if n, err := verifyChain(ctx, d, tenant); n != want || err != nil {
				t.Errorf("chain %q: %d records, %v; want %d", tenant, n, err, want)
			}
		}
	})
}

func batch(i int, tenants ...identity.TenantID) []audit.Event {
	var events []audit.Event
	for _, t := range tenants {
		events = append(events, audit.Event{Tenant: t, Name: "test.batch", At: time.Now(), Metadata: map[string]any{"i": i}})
	}
	return events
}

func TestAuditRetention(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
		var events []audit.Event
		for range 700 {
			events = append(events, audit.Event{Tenant: "t1", Name: "old", At: day(1)}, audit.Event{Tenant: "t2", Name: "old", At: day(1)})
		}
		for range 700 {
			events = append(events, audit.Event{Tenant: "t1", Name: "older clock", At: day(2)})
		}
		events = append(events,
			audit.Event{Tenant: "t1", Name: "young", At: day(10)},
			audit.Event{Tenant: "t1", Name: "late old", At: day(3)},
			audit.Event{Tenant: "", Name: "young", At: day(10)})
		if err := d.AppendAudit(ctx, events); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int64{2100, 0} {
			if n, err := d.PurgeAudit(ctx, day(5)); n != want || err != nil {
				t.Errorf("purged %d, %v; want %d", n, err, want)
			}
		}
		for tenant, want := range map[identity.TenantID]int64{"t1": 2, "t2": 0, "": 1} {
			if n, err := verifyChain(ctx, d, tenant); n != want || err != nil {
				t.Errorf("chain %q: %d records, %v; want %d", tenant, n, err, want)
			}
		}
		if err := d.AppendAudit(ctx, []audit.Event{{Tenant: "t2", Name: "next", At: day(11)}}); err != nil {
			t.Fatal(err)
		}
		if n, err := verifyChain(ctx, d, "t2"); n != 1 || err != nil {
			t.Errorf("chain goes on: %d, %v", n, err)
		}
	})
}

func TestWriteReportsStoredEvents(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		var stored []string
		d, err := store.Open(t.Context(), url, store.Options{Stored: func(e audit.Event) { stored = append(stored, string(e.Tenant)+" "+e.Name) }})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close() //nolint:errcheck // end of the test
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := mustOrg(t, d, "acme")
		failed := write(context.Background(), o.scope, func(*store.Tx) error { return errors.New("no") })
		if failed == nil {
			t.Error("no error")
		}
		want := []string{string(o.ID) + " tenant.created", string(o.ID) + " test.write"}
		if diff := cmp.Diff(want, stored); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}

// TestReplicasShareChains appends through two gateways in turn, each of which
// remembers a head that the other has moved, also behind records that
// retention has removed.
func TestReplicasShareChains(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		ctx := t.Context()
		replicas := []*store.DB{mustOpen(t, url), mustOpen(t, url)}
		if err := replicas[0].Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		o := mustOrg(t, replicas[0], "acme")
		for i := range 6 {
			for _, d := range replicas {
				if err := d.AppendAudit(ctx, batch(i, o.ID, "t1", "", o.ID)); err != nil {
					t.Fatal(err)
				}
				mustWrite(t, d.Tenant(o.ID), func(tx *store.Tx) error { return tx.SetRedirectHosts(ctx, nil) })
			}
		}
		if n, err := replicas[1].PurgeAudit(ctx, time.Now().Add(time.Hour)); n != 2+12*2+12+12+12 || err != nil {
			t.Errorf("purged %d, %v", n, err)
		}
		for _, d := range replicas {
			if err := d.AppendAudit(ctx, batch(0, o.ID, "t1")); err != nil {
				t.Fatal(err)
			}
		}
		for _, tenant := range []identity.TenantID{o.ID, "t1", ""} {
			want := int64(2)
			if tenant == "" {
				want = 0
			}
			if n, err := verifyChain(ctx, replicas[0], tenant); n != want || err != nil {
				t.Errorf("chain %q: %d records, %v; want %d", tenant, n, err, want)
			}
		}
	})
}
