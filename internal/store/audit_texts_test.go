package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// keeping is an event that keeps a statement in full.
func keeping(text string) audit.Event {
	sum := sha256.Sum256([]byte(text))
	return audit.Event{Tenant: "t1", Name: "tool.execute_sql", At: time.Now(), Metadata: map[string]any{
		"sql_full": audit.Kept(text), "sql_kept": true, "sql_hash": hex.EncodeToString(sum[:]),
	}}
}

func TestKeptStatements(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		ring, err := seal.NewRing(firstKey, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := mustOpenWith(t, url, store.Options{Signer: mustSigner(firstKey), Ring: ring})
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("SELECT 'ä' ", 9000)
		for _, text := range []string{"SELECT 1", long} {
			if err := d.AppendAudit(t.Context(), []audit.Event{event("before"), keeping(text), event("after")}); err != nil {
				t.Fatal(err)
			}
		}
		records := mustAudit(t, d.Tenant("t1"))
		short := records[1].ID
		for id, want := range map[string]string{records[0].ID: long, short: "SELECT 1"} {
			if r, err := d.FullAuditRecord(t.Context(), "t1", id); err != nil || r.Statement != want || r.Authentic != nil {
				t.Errorf("statement %.20q, %v, %v; want %.20q", r.Statement, err, r.Authentic, want)
			}
		}
		if _, err := d.FullAuditRecord(t.Context(), "t2", short); !fault.Is(err, fault.NotFound) {
			t.Errorf("from another tenant: %v", err)
		}
		for name, change := range map[string]string{
			"exchanged": "UPDATE audit_statements SET sealed = (SELECT max(sealed) FROM audit_statements s WHERE s.id <> audit_statements.id) WHERE id = $1",
			"removed":   "DELETE FROM audit_statements WHERE id = $1",
		} {
			mustExec(t, url, change, short)
			if r, err := d.FullAuditRecord(t.Context(), "t1", short); !fault.Is(err, fault.Conflict) || r.Statement != "" || r.ID != short {
				t.Errorf("%s: %q, %v", name, r.Statement, err)
			}
		}
		if n, err := d.PurgeAudit(t.Context(), time.Now().Add(time.Hour)); n != 6 || err != nil {
			t.Errorf("purged %d, %v", n, err)
		}
		// Retention has taken the statements along: the key is free again.
		mustExec(t, url, "INSERT INTO audit_statements (id, tenant_id, seq, sealed) VALUES ($1, 't1', 3, '')", records[0].ID)
	})
}

// TestARecordWithoutASignatureIsTold edits a record, which a plain hash then
// fits: whoever prints it has to learn that nothing vouches for it.
func TestARecordWithoutASignatureIsTold(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpenWith(t, url, store.Options{Signer: mustSigner(firstKey)})
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			appendMore(t, url, d, "t1")
		}
		newest := mustAudit(t, d.Tenant("t1"))[0].ID
		if r, err := d.FullAuditRecord(t.Context(), "t1", newest); err != nil || !r.Signed || r.Authentic != nil {
			t.Errorf("as it was written: %+v, %v", r, err)
		}
		mustExec(t, url, "UPDATE audit_logs SET metadata = '{}' WHERE id = $1", newest)
		if r, err := d.FullAuditRecord(t.Context(), "t1", newest); err != nil || !r.Signed || r.Authentic == nil {
			t.Errorf("edited: %+v, %v", r, err)
		}
		if err := store.RehashPlain(t.Context(), d, "t1", 3); err != nil {
			t.Fatal(err)
		}
		if r, err := d.FullAuditRecord(t.Context(), "t1", newest); err != nil || r.Signed {
			t.Errorf("edited and hashed anew: %+v, %v", r, err)
		}
	})
}
