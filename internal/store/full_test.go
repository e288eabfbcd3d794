package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestFullDisk fills the database file up to a limit: nothing is acknowledged
// that was not stored, reading goes on, and so does writing once there is room.
func TestFullDisk(t *testing.T) {
	ctx := t.Context()
	d, err := Open(ctx, "sqlite:///"+filepath.Join(t.TempDir(), "gateway.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // end of the test
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		t.Helper()
		if _, err := d.write.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	var used int
	if err := d.write.QueryRowContext(ctx, "PRAGMA page_count").Scan(&used); err != nil {
		t.Fatal(err)
	}
	limit(used + 40)
	big := audit.Event{Tenant: "t1", Name: "x", At: time.Now(), Metadata: map[string]any{"pad": strings.Repeat("x", 3000)}}
	var stored int64
	for err == nil {
		if err = d.AppendAudit(ctx, []audit.Event{big, big}); err == nil {
			stored += 2
		}
		if stored > 1000 {
			t.Fatal("the disk never filled up")
		}
	}
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("full disk: %v, want Unavailable", err)
	}
	if c, err := d.VerifyAudit(ctx, "t1", nil); c.Records != stored || err != nil || c.Err() != nil {
		t.Errorf("chain on the full disk: %d, %v, %v; want %d", c.Records, err, c.Err(), stored)
	}
	limit(1 << 20)
	if err := d.AppendAudit(ctx, []audit.Event{big}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if c, err := d.VerifyAudit(ctx, "t1", nil); c.Records != stored+1 || err != nil || c.Err() != nil {
		t.Errorf("chain in the end: %d, %v, %v; want %d", c.Records, err, c.Err(), stored+1)
	}
}
