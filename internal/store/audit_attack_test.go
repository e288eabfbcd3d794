package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// attack is what somebody does who may write the database and has neither the
// key nor the anchors. {tenant} is the tenant, {copy} the name of a copy.
type attack struct {
	early  string // done after 10 of the 20 records, while a copy may be taken
	change string
	// plainFrom makes the records from this one on such as a version without
	// signatures wrote them.
	plainFrom int64
	then      func(t *testing.T, url string, d *store.DB, tenant identity.TenantID)
	// alone is what verifying says without any anchor, empty when it cannot
	// know; anchored with the heads after 10 and 20 records.
	alone, anchored store.DamageKind
	says            string // part of what verifying says alone
}

const (
	takeCopy = "CREATE TABLE {copy} AS SELECT * FROM audit_heads WHERE tenant_id = '{tenant}'"
	putBack  = "DELETE FROM audit_heads WHERE tenant_id = '{tenant}'; INSERT INTO audit_heads SELECT * FROM {copy}; "
	cut      = "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq > 10; "
	setBack  = "UPDATE audit_heads SET seq = 10, hash = (SELECT hash FROM audit_logs WHERE tenant_id = '{tenant}' AND seq = 10) WHERE tenant_id = '{tenant}'; "
	editFive = "UPDATE audit_logs SET metadata = '{}' WHERE tenant_id = '{tenant}' AND seq = 5; "
	moveMark = "UPDATE audit_heads SET purged_seq = 8, purged_hash = (SELECT hash FROM audit_logs WHERE tenant_id = '{tenant}' AND seq = 8) WHERE tenant_id = '{tenant}'; "
	cutStart = "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq <= 8; "
	noLogs   = "DELETE FROM audit_logs WHERE tenant_id = '{tenant}'; "
	noHead   = "DELETE FROM audit_heads WHERE tenant_id = '{tenant}'; "
)

func attacks() map[string]attack {
	return map[string]attack{
		"nothing": {},
		// Edits.
		"edit":                  {change: editFive, alone: store.Edited},
		"edit of the newest":    {change: "UPDATE audit_logs SET metadata = '{}' WHERE tenant_id = '{tenant}' AND seq = 20", alone: store.Edited},
		"edit of a time":        {change: "UPDATE audit_logs SET created_at = created_at + 1 WHERE tenant_id = '{tenant}' AND seq = 2", alone: store.Edited},
		"edit of a family":      {change: "UPDATE audit_logs SET family = 'x' WHERE tenant_id = '{tenant}' AND seq = 5", alone: store.Edited},
		"edit of a link":        {change: "UPDATE audit_logs SET prev_hash = '' WHERE tenant_id = '{tenant}' AND seq = 4", alone: store.Edited},
		"edit, hashes made up":  {change: editFive + "UPDATE audit_logs SET hash = 'x' || seq, prev_hash = 'x' || (seq - 1) WHERE tenant_id = '{tenant}' AND seq >= 5; UPDATE audit_heads SET hash = 'x20' WHERE tenant_id = '{tenant}'", alone: store.Edited},
		"edit, rest rehashed":   {change: editFive, plainFrom: 5, alone: store.Edited},
		"newest, head set back": {change: "UPDATE audit_logs SET metadata = '{}' WHERE tenant_id = '{tenant}' AND seq = 20; UPDATE audit_heads SET seq = 19, hash = (SELECT hash FROM audit_logs WHERE tenant_id = '{tenant}' AND seq = 19) WHERE tenant_id = '{tenant}'", alone: store.Edited},
		"another key":           {change: "UPDATE audit_logs SET key_id = 'ffffffffffff' WHERE tenant_id = '{tenant}' AND seq = 7", alone: store.Unverifiable},
		"taken over, it says":   {change: editFive + "UPDATE audit_heads SET carried_seq = 20, carried_at = 1 WHERE tenant_id = '{tenant}'", plainFrom: 5, alone: store.Edited},
		"all made unsigned":     {change: editFive, plainFrom: 1, alone: store.Unverifiable, anchored: store.Edited},
		"all made unsigned, then a start": {change: editFive, plainFrom: 1, anchored: store.Edited, then: func(t *testing.T, url string, _ *store.DB, _ identity.TenantID) {
			if _, err := mustOpen(t, url).CarryAuditChains(t.Context()); err != nil {
				t.Error(err)
			}
		}},
		"record of another tenant": {change: "INSERT INTO audit_logs SELECT '{tenant}', 21, id, user_id, user_email, event, family, ip_address, metadata, prev_hash, hash, created_at, key_id FROM audit_logs WHERE tenant_id = 'other' AND seq = 21; " +
			"UPDATE audit_heads SET seq = 21, hash = (SELECT hash FROM audit_logs WHERE tenant_id = 'other' AND seq = 21) WHERE tenant_id = '{tenant}'", alone: store.Edited},
		// Order.
		"chain of another tenant": {change: noLogs + "INSERT INTO audit_logs SELECT '{tenant}', seq, id, user_id, user_email, event, family, ip_address, metadata, prev_hash, hash, created_at, key_id FROM audit_logs WHERE tenant_id = 'other'; " +
			"UPDATE audit_heads SET seq = 21, hash = (SELECT hash FROM audit_logs WHERE tenant_id = 'other' AND seq = 21) WHERE tenant_id = '{tenant}'", alone: store.Edited, says: "records 1 to 21"},
		"record of another history": {early: takeCopy, change: "CREATE TABLE logs_{copy} AS SELECT * FROM audit_logs WHERE tenant_id = '{tenant}'; " + cut + putBack, alone: store.Edited,
			then: func(t *testing.T, url string, d *store.DB, tenant identity.TenantID) {
				appendAnew(10)(t, url, d, tenant)
				mustAttack(t, url, "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq = 15; INSERT INTO audit_logs SELECT * FROM logs_{copy} WHERE seq = 15", tenant)
			}, says: "record 15"},
		"two swapped": {change: "UPDATE audit_logs SET seq = -1 WHERE tenant_id = '{tenant}' AND seq = 5; UPDATE audit_logs SET seq = 5 WHERE tenant_id = '{tenant}' AND seq = 6; UPDATE audit_logs SET seq = 6 WHERE tenant_id = '{tenant}' AND seq = -1", alone: store.Reordered},
		"renumbered": {change: "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq = 5; UPDATE audit_logs SET seq = -seq WHERE tenant_id = '{tenant}' AND seq > 5; " +
			"UPDATE audit_logs SET seq = -seq - 1 WHERE tenant_id = '{tenant}' AND seq < 0; UPDATE audit_heads SET seq = 19 WHERE tenant_id = '{tenant}'", alone: store.Reordered},
		// Gone.
		"one in the middle": {change: "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq = 5", alone: store.Removed, says: "removed: record 5, after 2"},
		"newest":            {change: cut, alone: store.CutAtEnd, says: "records 11 to 20"},
		"newest, head unsigned, then a start": {change: cut + setBack + "UPDATE audit_heads SET key_id = '', mac = '' WHERE tenant_id = '{tenant}'", alone: store.CutAtEnd,
			then: func(t *testing.T, url string, _ *store.DB, _ identity.TenantID) {
				if _, err := mustOpen(t, url).CarryAuditChains(t.Context()); err != nil {
					t.Error(err)
				}
			}},
		"newest, head set back too":          {change: cut + setBack, alone: store.CutAtEnd},
		"newest, head put back":              {early: takeCopy, change: cut + putBack, anchored: store.CutAtEnd},
		"newest, head put back, then on":     {early: takeCopy, change: cut + putBack, then: appendAnew(15), anchored: store.Edited},
		"newest, head put back, same one on": {early: takeCopy, change: cut + putBack, then: appendMore, alone: store.CutAtEnd, anchored: store.CutAtEnd},
		"newest, head set back, then on":     {change: cut + setBack, then: appendAnew(1), alone: store.CutAtEnd},
		"newest, head unsigned, then on":     {change: cut + setBack + "UPDATE audit_heads SET key_id = '', mac = '' WHERE tenant_id = '{tenant}'", then: appendAnew(1), alone: store.CutAtEnd},
		"newest, head of no key, then on":    {change: cut + setBack + "UPDATE audit_heads SET key_id = 'ffffffffffff' WHERE tenant_id = '{tenant}'", then: appendAnew(1), alone: store.Unverifiable, anchored: store.CutAtEnd},
		"oldest":                             {change: cutStart, alone: store.CutAtStart},
		"oldest, mark moved":                 {change: moveMark + cutStart, alone: store.CutAtStart},
		"mark moved":                         {change: moveMark, alone: store.Edited},
		"everything":                         {change: noLogs, alone: store.ChainMissing},
		"everything, head":                   {change: noLogs + noHead, alone: store.ChainMissing},
		"everything, marked":                 {change: noLogs + "UPDATE audit_heads SET purged_seq = seq, purged_hash = hash WHERE tenant_id = '{tenant}'", alone: store.ChainMissing},
		"everything, reset":                  {change: noLogs + "UPDATE audit_heads SET seq = 0, hash = '', key_id = '', mac = '' WHERE tenant_id = '{tenant}'", alone: store.ChainMissing},
		"everything, then on":                {change: noLogs + noHead, then: appendAnew(3), anchored: store.CutAtEnd},
		// Heads alone.
		"no head":                {change: noHead, alone: store.CutAtEnd},
		"head set back":          {change: setBack, alone: store.Edited, says: "records 11 to 20: the head was set back to record 10"},
		"no head, then on":       {change: noHead, then: appendAnew(2), alone: store.CutAtEnd},
		"no head, same on":       {change: noHead, then: appendMore, alone: store.CutAtEnd},
		"head set back, on":      {change: setBack, then: appendAnew(2), alone: store.CutAtEnd},
		"head put back, on":      {early: takeCopy, change: putBack, then: appendAnew(2), alone: store.CutAtEnd},
		"head put back, same on": {early: takeCopy, change: putBack, then: appendMore, alone: store.CutAtEnd},
		"head put back":          {early: takeCopy, change: putBack, alone: store.Edited},
		"head's hash":            {change: "UPDATE audit_heads SET hash = 'x' WHERE tenant_id = '{tenant}'", alone: store.Edited},
		"head's signature":       {change: "UPDATE audit_heads SET mac = 'x' WHERE tenant_id = '{tenant}'", alone: store.CutAtEnd},
		"head moved on":          {change: "UPDATE audit_heads SET seq = 25 WHERE tenant_id = '{tenant}'", alone: store.CutAtEnd},
	}
}

// appendAnew lets a gateway that starts anew write so many records.
func appendAnew(n int) func(*testing.T, string, *store.DB, identity.TenantID) {
	return func(t *testing.T, url string, _ *store.DB, tenant identity.TenantID) {
		fresh := mustOpen(t, url)
		for range n {
			appendMore(t, url, fresh, tenant)
		}
	}
}

func appendMore(t *testing.T, _ string, d *store.DB, tenant identity.TenantID) {
	t.Helper()
	if err := d.AppendAudit(t.Context(), batch(1, tenant)); err != nil {
		t.Error(err)
	}
}

func TestNobodyHidesAChangeOfTheAuditLog(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 21 {
			appendMore(t, url, d, "other")
		}
		for name, a := range attacks() {
			t.Run(name, func(t *testing.T) { a.run(t, url, d, strings.NewReplacer(" ", "_", ",", "", "'", "").Replace(name)) })
		}
		if n, err := verifyChain(t.Context(), d, "other"); n != 21 || err != nil {
			t.Errorf("a chain that nobody touched: %d, %v", n, err)
		}
	})
}

func (a attack) run(t *testing.T, url string, d *store.DB, name string) {
	tenant := identity.TenantID(name)
	for range 10 {
		appendMore(t, url, d, tenant)
	}
	mustAttack(t, url, a.early, tenant)
	known := []audit.Head{mustHead(t, d, tenant)}
	for range 10 {
		appendMore(t, url, d, tenant)
	}
	known = append(known, mustHead(t, d, tenant))
	mustAttack(t, url, a.change, tenant)
	if a.plainFrom > 0 {
		if err := store.RehashPlain(t.Context(), d, name, a.plainFrom); err != nil {
			t.Fatal(err)
		}
	}
	if a.then != nil {
		a.then(t, url, d, tenant)
	}
	if a.anchored == "" {
		a.anchored = a.alone
	}
	if text := checkDamage(t, d, tenant, nil, a.alone); !strings.Contains(text, a.says) {
		t.Errorf("verifying says %q, want %q", text, a.says)
	}
	checkDamage(t, d, tenant, known, a.anchored)
}

func mustAttack(t *testing.T, url, change string, tenant identity.TenantID) {
	t.Helper()
	for _, statement := range strings.Split(change, ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			mustExec(t, url, strings.NewReplacer("{tenant}", string(tenant), "{copy}", "copy_of_"+string(tenant)).Replace(statement))
		}
	}
}

func mustHead(t *testing.T, d *store.DB, tenant identity.TenantID) audit.Head {
	t.Helper()
	chain, err := d.VerifyAudit(t.Context(), tenant, nil)
	if err != nil {
		t.Fatal(err)
	}
	return chain.Head
}

// checkDamage wants a chain to be intact, or damage of the kind to be first.
func checkDamage(t *testing.T, d *store.DB, tenant identity.TenantID, known []audit.Head, want store.DamageKind) string {
	t.Helper()
	chain, err := d.VerifyAudit(t.Context(), tenant, known)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	found := false
	for _, damage := range chain.Damage {
		got = append(got, damage.String())
		found = found || damage.Kind == want
	}
	if found != (want != "") || want == "" && len(got) > 0 {
		t.Errorf("with %d anchors: %q, want %q", len(known), got, want)
	}
	return strings.Join(got, "; ")
}

// TestRetentionDoesNotSignDamageAway purges a chain whose beginning somebody
// has cut, and one in which somebody has edited a record.
func TestRetentionDoesNotSignDamageAway(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tenant := range []identity.TenantID{"sound", "marked", "edited"} {
			for range 10 {
				appendMore(t, url, d, tenant)
			}
		}
		mustAttack(t, url, moveMark+cutStart, "marked")
		mustAttack(t, url, editFive, "edited")
		n, err := d.PurgeAudit(t.Context(), time.Now().Add(time.Hour))
		if n != 10 || err == nil || !strings.Contains(err.Error(), "marked") || !strings.Contains(err.Error(), "edited") {
			t.Errorf("purged %d, %v", n, err)
		}
		checkDamage(t, d, "sound", nil, "")
		checkDamage(t, d, "marked", nil, store.CutAtStart)
		checkDamage(t, d, "edited", nil, store.Edited)
		// A mark that was valid once does not hide that more is gone.
		mustAttack(t, url, takeCopy, "sound")
		for range 5 {
			appendMore(t, url, d, "sound")
		}
		mustAttack(t, url, "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq <= 13", "sound")
		checkDamage(t, d, "sound", nil, store.CutAtStart)
		mustAttack(t, url, "UPDATE audit_heads SET purged_seq = 13 WHERE tenant_id = '{tenant}'", "sound")
		checkDamage(t, d, "sound", nil, store.CutAtStart)
	})
}

// TestVerifyingARunningGateway verifies while records are appended and purged.
func TestVerifyingARunningGateway(t *testing.T) {
	onBothEngines(t, func(t *testing.T, d *store.DB) {
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		failed := func(err error) {
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
		if err := d.AppendAudit(ctx, batch(1, "t1")); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				failed(d.AppendAudit(ctx, batch(1, "t1", "t1", "t1")))
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := d.PurgeAudit(ctx, time.Now().Add(-20*time.Millisecond))
				failed(err)
			}
		})
		known := []audit.Head{mustHead(t, d, "t1")}
		for len(known) < 60 || known[len(known)-1].Seq < 100 {
			chain, err := d.VerifyAudit(t.Context(), "t1", known)
			if err != nil || chain.Err() != nil {
				t.Fatalf("after %d records: %v, %v", chain.Last, err, chain.Err())
			}
			known = append(known, chain.Head)
		}
		stop()
		wg.Wait()
	})
}

// TestABreakIsToldAtOnce sets a head back under a running gateway: the next
// record is stored, and the break is reported like every other event.
func TestABreakIsToldAtOnce(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		var stored []string
		d := mustOpenWith(t, url, store.Options{Signer: mustSigner(firstKey), Stored: func(e audit.Event) { stored = append(stored, e.Name) }})
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			appendMore(t, url, d, "t1")
		}
		if err := d.AppendAudit(t.Context(), batch(1, "t1", "t1")); err != nil {
			t.Fatal(err)
		}
		mustAttack(t, url, cut+setBack, "t1")
		appendMore(t, url, d, "t1")
		appendMore(t, url, d, "t1")
		if diff := cmp.Diff([]string{"audit.chain_broken"}, stored); diff != "" {
			t.Errorf("reported (-want +got):\n%s", diff)
		}
		records := mustAudit(t, d.Tenant("t1"), "audit")
		if len(records) != 1 || !strings.Contains(string(records[0].Metadata), `"expected_seq":12,"found_seq":10`) {
			t.Errorf("recorded %+v", records)
		}
		if n := len(mustAudit(t, d.Tenant("t1"))); n != 13 {
			t.Errorf("%d records", n)
		}
		checkDamage(t, d, "t1", nil, store.CutAtEnd)
	})
}
