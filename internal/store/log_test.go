package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// childURL makes the test binary write audit records into this database until
// it is killed.
const childURL = "MCPGW_TEST_CHILD_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		fmt.Println("child:", recordForever(url))
		os.Exit(1)
	}
	os.Exit(runInDatabase(m))
}

// runInDatabase runs the tests with a database of this run on the server, when
// there is one.
func runInDatabase(m *testing.M) int {
	server := os.Getenv(serverURL)
	if server == "" {
		return m.Run()
	}
	ctx := context.Background()
	url, name, err := newPostgres(ctx, server)
	if err == nil {
		err = os.Setenv(databaseURL, url)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	code := m.Run()
	if err := dropPostgres(ctx, server, name); err != nil {
		fmt.Println(err)
		return 1
	}
	return code
}

// recordForever prints the name of each record after it was acknowledged.
func recordForever(url string) error {
	ctx := context.Background()
	d, err := store.Open(ctx, url, store.Options{Signer: mustSigner(firstKey)})
	if err != nil {
		return err
	}
	log := audit.New(audit.Config{Store: d})
	failed := make(chan error)
	go func() { failed <- log.Run(ctx) }()
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("kill.%d.%d", w, i)
				tenant := identity.TenantID(fmt.Sprint("t", w%2))
				if err := log.Record(ctx, audit.Event{Tenant: tenant, Name: name}); err != nil {
					failed <- err
					return
				}
				os.Stdout.WriteString(name + "\n") //nolint:errcheck // a closed pipe ends the test
			}
		}()
	}
	return <-failed
}

// TestKilledProcessLosesNothingAcknowledged kills a writing process at an
// arbitrary moment: what it was told is durable is there, the chains verify
// and the next start works.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, lines := range []int{5, 150} {
			acknowledged := killAfter(t, url, lines)
			stored := map[string]bool{}
			for _, tenant := range []identity.TenantID{"t0", "t1"} {
				if _, err := verifyChain(t.Context(), d, tenant); err != nil {
					t.Errorf("chain %s: %v", tenant, err)
				}
				for _, r := range mustAudit(t, d.Tenant(tenant)) {
					stored[r.Event] = true
				}
			}
			for _, name := range acknowledged {
				if !stored[name] {
					t.Errorf("%s was acknowledged and is gone", name)
				}
			}
		}
		if err := d.AppendAudit(t.Context(), []audit.Event{event("next")}); err != nil {
			t.Errorf("after the crash: %v", err)
		}
	})
}

// killAfter runs this binary as a child on the database, kills it once it has
// acknowledged so many records and returns all that it acknowledged.
func killAfter(t *testing.T, url string, lines int) (acknowledged []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childURL+"="+url)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if !strings.HasPrefix(scanner.Text(), "kill.") {
			t.Fatal(scanner.Text())
		}
		acknowledged = append(acknowledged, scanner.Text())
		if len(acknowledged) == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) {
		t.Errorf("child ended with %v", err)
	}
	return acknowledged
}

// runLog runs an audit log over the store until the test ends.
func runLog(t testing.TB, d *store.DB) *audit.Log {
	t.Helper()
	log := audit.New(audit.Config{Store: d})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- log.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("audit log: %v", err)
		}
	})
	return log
}

// TestLogOnAServerThatGoesAway closes a PostgreSQL database under the log.
func TestLogOnAServerThatGoesAway(t *testing.T) {
	postgresURL(t) // says what is missing
	server := os.Getenv(serverURL)
	url, name, err := newPostgres(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dropPostgres(context.Background(), server, name); err != nil {
			t.Error(err)
		}
	})
	d := mustOpen(t, url)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := runLog(t, d)
	record := func(name string) error {
		return log.Record(t.Context(), audit.Event{Tenant: "t1", Name: name})
	}
	if err := record("before"); err != nil {
		t.Fatal(err)
	}
	mustExec(t, server, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	mustExec(t, server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
	if err := record("lost"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("server gone: %v, want Unavailable", err)
	}
	if err := d.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("ping: %v", err)
	}
	mustExec(t, server, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true")
	if err := record("after"); err != nil {
		t.Errorf("server back: %v", err)
	}
	if n, err := verifyChain(t.Context(), d, "t1"); n != 2 || err != nil {
		t.Errorf("chain: %d, %v; want before and after", n, err)
	}
}

func benchmarkBothEngines(b *testing.B, bench func(b *testing.B, d *store.DB)) {
	durable := func(t testing.TB) string { return withQuery(postgresURL(t), "synchronous_commit", "on") }
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteURL, "postgres": durable} {
		b.Run(name, func(b *testing.B) {
			d := mustOpen(b, url(b))
			if err := d.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			bench(b, d)
		})
	}
}

// BenchmarkRecord is the durable audit record of one tool call, by so many
// callers at once.
func BenchmarkRecord(b *testing.B) {
	benchmarkBothEngines(b, func(b *testing.B, d *store.DB) {
		log := runLog(b, d)
		for _, callers := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%d", callers), func(b *testing.B) {
				e := audit.Event{Tenant: "t1", User: "u1", UserEmail: "a@b.example", Name: "tool.execute_sql", IP: "192.0.2.1", RequestID: "r",
					Metadata: map[string]any{"tool": "execute_sql_shop_12345678", "sql_preview": strings.Repeat("SELECT ", 20), "row_count": 10}}
				var wg sync.WaitGroup
				turns := make(chan struct{}, b.N)
				for range b.N {
					turns <- struct{}{}
				}
				close(turns)
				start := time.Now()
				b.ResetTimer()
				for range callers {
					wg.Go(func() {
						for range turns {
							if err := log.Record(b.Context(), e); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "records/s")
			})
		}
	})
}

// BenchmarkLive is the look-up of every request.
func BenchmarkLive(b *testing.B) {
	benchmarkBothEngines(b, func(b *testing.B, d *store.DB) {
		var o org
		for i := range 50 {
			o = mustOrg(b, d, fmt.Sprint("org", i))
		}
		b.Run("user", func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Live(b.Context(), o.ID, o.viewer.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("key", func(b *testing.B) {
			for b.Loop() {
				if _, err := d.LiveByKeyHash(b.Context(), []string{o.key.Hash, "old"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
