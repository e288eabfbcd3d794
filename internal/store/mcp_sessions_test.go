package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// onBothClocks is onBothURLs with a clock that the test moves.
func onBothClocks(t *testing.T, test func(t *testing.T, d *store.DB, now *time.Time)) {
	t.Helper()
	onBothURLs(t, func(t *testing.T, url string) {
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		d, err := store.Open(t.Context(), url, store.Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, d, &now)
	})
}

// newMCP is a session of the org's viewer.
func newMCP(o org, hash string) store.MCPSession {
	return store.MCPSession{
		Hash: hash, Tenant: o.ID, User: o.viewer.ID, ProtocolVersion: "2025-11-25",
		Capabilities: json.RawMessage(`{"sampling": {}, "elicitation": {"form": {}}}`), LogLevel: "info",
	}
}

func mustMCP(t *testing.T, o org, hash string) store.MCPSession {
	t.Helper()
	if err := o.scope.CreateMCPSession(t.Context(), newMCP(o, hash)); err != nil {
		t.Fatal(err)
	}
	m, err := o.scope.MCPSession(t.Context(), o.viewer.ID, hash)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func subscribe(uri string) func([]string) []string {
	return func(uris []string) []string { return append(uris, uri) }
}

func TestMCPSessions(t *testing.T) {
	onBothClocks(t, func(t *testing.T, d *store.DB, now *time.Time) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		user := o.viewer.ID
		want := newMCP(o, "s1")
		want.CreatedAt, want.UsedAt, want.Subscriptions = *now, *now, []string{}
		check := func(when string) {
			t.Helper()
			got, err := o.scope.MCPSession(ctx, user, "s1")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", when, err, diff)
			}
		}
		got := mustMCP(t, o, "s1")
		check("created")
		if err := o.scope.SetMCPLogLevel(ctx, user, "s1", "debug"); err != nil {
			t.Fatal(err)
		}
		if err := o.scope.SetMCPSubscriptions(ctx, user, "s1", subscribe("file:///a\x00b")); err != nil {
			t.Fatal(err)
		}
		want.LogLevel, want.Subscriptions = "debug", []string{"file:///a\x00b"}
		check("changed")

		start := *now
		for _, step := range []struct{ after, used time.Duration }{
			{9 * time.Minute, 0}, {10 * time.Minute, 10 * time.Minute}, {19 * time.Minute, 10 * time.Minute},
		} {
			*now = start.Add(step.after)
			if err := o.scope.TouchMCPSession(ctx, got); err != nil {
				t.Fatal(err)
			}
			want.UsedAt = start.Add(step.used)
			check(fmt.Sprint("used after ", step.after))
		}
		if err := o.scope.DeleteMCPSession(ctx, user, "s1"); err != nil {
			t.Fatal(err)
		}
		for door, err := range mcpDoors(ctx, o, o, "s1") {
			if !fault.Is(err, fault.NotFound) || fault.Of(err).Public != "Session not found" {
				t.Errorf("%s after the end: %v", door, err)
			}
		}
	})
}

// mcpDoors are all calls that name one session, made as somebody's viewer in
// somebody's tenant.
func mcpDoors(ctx context.Context, in, as org, hash string) map[string]error {
	user := as.viewer.ID
	_, read := in.scope.MCPSession(ctx, user, hash)
	return map[string]error{
		"read":          read,
		"log level":     in.scope.SetMCPLogLevel(ctx, user, hash, "debug"),
		"subscriptions": in.scope.SetMCPSubscriptions(ctx, user, hash, subscribe("theirs")),
		"delete":        in.scope.DeleteMCPSession(ctx, user, hash),
	}
}

// TestOthersMCPSessionsDoNotExist holds contract 15.2 A8: the id alone opens
// nothing.
func TestOthersMCPSessionsDoNotExist(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		acme, mine := mustOrg(t, d, "acme"), mustOrg(t, d, "mine")
		want := mustMCP(t, acme, "s1")
		colleague := acme
		colleague.viewer = acme.admin
		for name, doors := range map[string]map[string]error{
			"another tenant":               mcpDoors(ctx, mine, mine, "s1"),
			"another tenant, named user":   mcpDoors(ctx, mine, acme, "s1"),
			"another user":                 mcpDoors(ctx, acme, colleague, "s1"),
			"another user, another tenant": mcpDoors(ctx, acme, mine, "s1"),
		} {
			for door, err := range doors {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %s: %v", name, door, err)
				}
			}
		}
		if err := mine.scope.CreateMCPSession(ctx, newMCP(acme, "s2")); !fault.Is(err, fault.NotFound) {
			t.Errorf("session of another tenant's user: %v", err)
		}
		got, err := acme.scope.MCPSession(ctx, acme.viewer.ID, "s1")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		mustWrite(t, acme.scope, func(tx *store.Tx) error { return tx.DeleteUser(ctx, acme.viewer.ID) })
		if _, err := acme.scope.MCPSession(ctx, acme.viewer.ID, "s1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("session of a user who is gone: %v", err)
		}
	})
}

func TestIdleMCPSessionsEnd(t *testing.T) {
	onBothClocks(t, func(t *testing.T, d *store.DB, now *time.Time) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		idle, used := mustMCP(t, o, "idle"), mustMCP(t, o, "used")
		start := *now
		*now = start.Add(store.MCPSessionIdle - time.Second)
		if _, err := o.scope.MCPSession(ctx, o.viewer.ID, idle.Hash); err != nil {
			t.Errorf("a moment before the end: %v", err)
		}
		if err := o.scope.TouchMCPSession(ctx, used); err != nil {
			t.Fatal(err)
		}
		*now = start.Add(store.MCPSessionIdle)
		for door, err := range mcpDoors(ctx, o, o, idle.Hash) {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of an idle one: %v", door, err)
			}
		}
		// The browser session of mustOrg is kept for another hour.
		if n, err := d.Sweep(ctx); n != 1 || err != nil {
			t.Errorf("sweep removed %d rows, %v", n, err)
		}
		if _, err := o.scope.MCPSession(ctx, o.viewer.ID, used.Hash); err != nil {
			t.Errorf("the one in use: %v", err)
		}
	})
}

func TestMCPSessionsAreBounded(t *testing.T) {
	const most = 1000
	onBothClocks(t, func(t *testing.T, d *store.DB, now *time.Time) {
		ctx := t.Context()
		o, other := mustOrg(t, d, "acme"), mustOrg(t, d, "other")
		mustMCP(t, other, "theirs")
		first := mustMCP(t, o, "s0")
		for i := 1; i < most; i++ {
			*now = now.Add(time.Second)
			if err := o.scope.CreateMCPSession(ctx, newMCP(o, fmt.Sprint("s", i))); err != nil {
				t.Fatal(err)
			}
		}
		*now = now.Add(time.Hour)
		if err := o.scope.TouchMCPSession(ctx, first); err != nil {
			t.Fatal(err)
		}
		mustMCP(t, o, "one more")
		for hash, want := range map[string]bool{"s0": true, "s1": false, "s2": true, "s999": true, "one more": true} {
			_, err := o.scope.MCPSession(ctx, o.viewer.ID, hash)
			if got := err == nil; got != want || !got && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v, want there: %v", hash, err, want)
			}
		}
		if _, err := other.scope.MCPSession(ctx, other.viewer.ID, "theirs"); err != nil {
			t.Errorf("another user's: %v", err)
		}
	})
}

func TestMCPSessionRefuses(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx := t.Context()
		o := mustOrg(t, d, "acme")
		long := `{"experimental":"` + strings.Repeat("x", 16<<10) + `"}`
		for name, text := range map[string]string{"too long": long, "no JSON": `{"roots"`, "no UTF-8": "{\"a\":\"\xff\"}"} {
			m := newMCP(o, "s1")
			m.Capabilities = json.RawMessage(text)
			if err := o.scope.CreateMCPSession(ctx, m); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		m := newMCP(o, "bare")
		m.Capabilities = nil
		if err := o.scope.CreateMCPSession(ctx, m); err != nil {
			t.Fatal(err)
		}
		much := func(uris []string) []string { return append(uris, strings.Repeat("u", 64<<10)) }
		if err := o.scope.SetMCPSubscriptions(ctx, o.viewer.ID, "bare", much); !fault.Is(err, fault.Invalid) {
			t.Errorf("too many subscriptions: %v", err)
		}
		got, err := o.scope.MCPSession(ctx, o.viewer.ID, "bare")
		if err != nil || string(got.Capabilities) != "{}" || len(got.Subscriptions) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestMCPSubscriptionsAtOnce holds that none is lost, whatever instance serves
// it.
func TestMCPSubscriptionsAtOnce(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d, replica := mustOpen(t, url), mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := mustOrg(t, d, "acme")
		mustMCP(t, o, "s1")
		var want []string
		var clients sync.WaitGroup
		for i := range 10 {
			uri := fmt.Sprint("file:///", i)
			want = append(want, uri)
			scope := []store.Scope{o.scope, replica.Tenant(o.ID)}[i%2]
			clients.Go(func() {
				if err := scope.SetMCPSubscriptions(t.Context(), o.viewer.ID, "s1", subscribe(uri)); err != nil {
					t.Error(err)
				}
			})
		}
		clients.Wait()
		got, err := o.scope.MCPSession(t.Context(), o.viewer.ID, "s1")
		slices.Sort(got.Subscriptions)
		if diff := cmp.Diff(want, got.Subscriptions); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
