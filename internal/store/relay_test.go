package store_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func mustRelay(t *testing.T, d *store.DB) *store.Relay {
	t.Helper()
	r, err := d.Relay()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustMigrated(t *testing.T, url string) *store.DB {
	t.Helper()
	d := mustOpen(t, url)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// mustListen listens until the test ends. The channel of texts is never full.
func mustListen(t *testing.T, r *store.Relay, channel string) (texts <-chan string, ended <-chan error) {
	t.Helper()
	heard, end, ready := make(chan string, 100), make(chan error, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		end <- r.Listen(ctx, []string{channel, "other channel"}, func() { close(ready) }, func(_, text string) { heard <- text })
		close(end)
	}()
	t.Cleanup(func() {
		cancel()
		for range end { // drained, so that the goroutine is gone
		}
	})
	select {
	case <-ready:
	case err := <-end:
		t.Fatal(err)
	}
	return heard, end
}

func TestRelayKeepsTheOrderOfShortAndLongTexts(t *testing.T) {
	url := postgresURL(t)
	d := mustMigrated(t, url)
	channel := randomName()
	heard, _ := mustListen(t, mustRelay(t, d), channel)
	sent := []string{"short", strings.Repeat("long ", 2000), "", "=@", strings.Repeat("ö", 3500), strings.Repeat("x", 4<<20), "last"}
	for _, text := range sent {
		if err := mustRelay(t, d).Send(t.Context(), channel, text); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range sent {
		if got := <-heard; got != want {
			t.Fatalf("text %d has %d bytes, want %d", i, len(got), len(want))
		}
	}
	if n := mustCount(t, url, "relay_messages"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func mustCount(t *testing.T, url, table string) (n int) {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close() //nolint:errcheck // end of the test
	if err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRelayPassesOverWhatIsGone(t *testing.T) {
	url := postgresURL(t)
	d := mustMigrated(t, url)
	channel := randomName()
	heard, _ := mustListen(t, mustRelay(t, d), channel)
	mustExec(t, url, "SELECT pg_notify($1, '@taken by another'), pg_notify($1, 'of another program')", channel)
	if err := mustRelay(t, d).Send(t.Context(), channel, "next"); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "next" {
		t.Errorf("heard %q", got)
	}
}

func TestRelayTellsThatItsConnectionIsLost(t *testing.T) {
	url := postgresURL(t)
	d := mustMigrated(t, url)
	_, ended := mustListen(t, mustRelay(t, d), randomName())
	mustExec(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = 'mcp-gateway relay' AND datname = current_database()`)
	if err := <-ended; !fault.Is(err, fault.Unavailable) {
		t.Errorf("ended with %v", err)
	}
}

func TestRelayEndsWithItsContext(t *testing.T) {
	d := mustMigrated(t, postgresURL(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := mustRelay(t, d).Listen(ctx, []string{randomName()}, cancel, func(string, string) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestSweepRemovesWhatNobodyRead(t *testing.T) {
	url := postgresURL(t)
	d := mustMigrated(t, url)
	long := strings.Repeat("x", 10_000)
	if err := mustRelay(t, d).Send(t.Context(), randomName(), long); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int64
	}{{time.Minute, 0}, {11 * time.Minute, 1}} {
		later, err := store.Open(t.Context(), url, store.Options{Now: func() time.Time { return time.Now().Add(step.after) }})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := later.Sweep(t.Context()); n != step.want || err != nil {
			t.Errorf("after %v: removed %d, %v; want %d", step.after, n, err, step.want)
		}
		if err := later.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSQLiteHasNoRelay(t *testing.T) {
	if _, err := mustOpen(t, sqliteURL(t)).Relay(); err == nil {
		t.Error("no error")
	}
}
