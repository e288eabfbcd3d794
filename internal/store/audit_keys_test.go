package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// TestKeysOfTheAuditLogRotate signs under one key, goes on under another and
// drops the first.
func TestKeysOfTheAuditLogRotate(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			appendMore(t, url, d, "t1")
		}
		if n, err := d.PurgeAudit(t.Context(), time.Now().Add(time.Hour)); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		for range 6 {
			appendMore(t, url, d, "t1")
		}
		open := func(current string, old ...string) *store.DB {
			d := mustOpenWith(t, url, store.Options{Signer: mustSigner(current, old...)})
			if _, err := d.CarryAuditChains(t.Context()); err != nil {
				t.Fatal(err)
			}
			return d
		}
		rotated := open(secondKey, firstKey)
		for range 5 {
			appendMore(t, url, rotated, "t1")
		}
		checkDamage(t, rotated, "t1", nil, "")
		dropped := open(secondKey)
		appendMore(t, url, dropped, "t1")
		chain, err := dropped.VerifyAudit(t.Context(), "t1", nil)
		if err != nil || len(chain.Damage) != 1 || chain.Damage[0].From != 5 || chain.Damage[0].To != 10 ||
			!strings.Contains(chain.Err().Error(), "which is no longer configured") {
			t.Errorf("without the first key: %v, %v", err, chain.Err())
		}
		checkDamage(t, open(secondKey, firstKey), "t1", nil, "")
		if n, err := dropped.PurgeAudit(t.Context(), time.Now().Add(time.Hour)); n != 12 || err != nil {
			t.Errorf("retention without the first key: %d, %v", n, err)
		}
		checkDamage(t, dropped, "t1", nil, "")
	})
}

// TestKeysOfTheAuditLogRotateOneGatewayAfterTheOther lets one gateway have the
// new key before the other: nothing of what they write is lost to either.
func TestKeysOfTheAuditLogRotateOneGatewayAfterTheOther(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		before := mustOpen(t, url)
		if err := before.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		rotated := mustOpenWith(t, url, store.Options{Signer: mustSigner(secondKey, firstKey)})
		for range 3 {
			appendMore(t, url, before, "t1")
			appendMore(t, url, rotated, "t1")
		}
		checkDamage(t, rotated, "t1", nil, "")
		checkDamage(t, before, "t1", nil, store.Unverifiable)
		if n := len(mustAudit(t, rotated.Tenant("t1"), "audit.chain_broken")); n != 2 {
			t.Errorf("%d breaks are recorded", n)
		}
	})
}

// TestOldChainsAreTakenOver upgrades a database whose chain is a plain one, of
// which retention has removed the beginning.
func TestOldChainsAreTakenOver(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		old := mustOpenWith(t, url, store.Options{})
		if err := old.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tenant := range []identity.TenantID{"t1", "damaged"} {
			for range 4 {
				appendMore(t, url, old, tenant)
			}
		}
		if n, err := old.PurgeAudit(t.Context(), time.Now().Add(time.Hour)); n != 8 || err != nil {
			t.Fatal(n, err)
		}
		for _, tenant := range []identity.TenantID{"t1", "damaged"} {
			for range 6 {
				appendMore(t, url, old, tenant)
			}
		}
		mustAttack(t, url, editFive, "damaged")
		d := mustOpen(t, url)
		checkDamage(t, d, "t1", nil, store.Unverifiable)
		carried, err := d.CarryAuditChains(t.Context())
		if err != nil || len(carried) != 2 || len(carried[0].Damage) != 1 || carried[0].Tenant != "damaged" || len(carried[1].Damage) != 0 || carried[1].Records != 6 {
			t.Fatalf("taken over: %+v, %v", carried, err)
		}
		appendMore(t, url, d, "t1")
		checkDamage(t, d, "damaged", nil, store.Edited)
		checkDamage(t, d, "t1", nil, "")
		chain, err := d.VerifyAudit(t.Context(), "t1", nil)
		if err != nil || chain.CarriedTo != 10 || chain.CarriedAt.IsZero() || chain.Records != 8 || chain.PurgedTo != 4 {
			t.Errorf("chain %+v, %v", chain, err)
		}
		if again, err := d.CarryAuditChains(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("taken over again: %+v, %v", again, err)
		}
		// Taking the head's signature away does not make it an old chain again.
		mustAttack(t, url, "DELETE FROM audit_logs WHERE tenant_id = '{tenant}' AND seq > 10; "+setBack+"UPDATE audit_heads SET key_id = '', mac = '' WHERE tenant_id = '{tenant}'", "t1")
		if again, err := mustOpen(t, url).CarryAuditChains(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("taken over again: %+v, %v", again, err)
		}
		checkDamage(t, d, "t1", nil, store.CutAtEnd)
		mustAttack(t, url, "UPDATE audit_logs SET metadata = '{}' WHERE tenant_id = '{tenant}' AND seq = 8", "t1")
		if err := store.RehashPlain(t.Context(), d, "t1", 7); err != nil {
			t.Fatal(err)
		}
		checkDamage(t, d, "t1", nil, store.Edited)
	})
}

// TestRecordsSurviveADowngrade goes back to the version before signatures, which
// forgets the keys of the records, writes there and comes back. Every record is
// as it was written, which verifying has to see.
func TestRecordsSurviveADowngrade(t *testing.T) {
	onBothURLs(t, func(t *testing.T, url string) {
		d := mustOpen(t, url)
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tenant := range []identity.TenantID{"t1", "damaged"} {
			for range 6 {
				appendMore(t, url, d, tenant)
			}
		}
		if err := d.MigrateDown(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustAttack(t, url, editFive, "damaged")
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		old := mustOpenWith(t, url, store.Options{})
		for range 2 {
			appendMore(t, url, old, "t1")
		}
		back := mustOpenWith(t, url, store.Options{Signer: mustSigner(secondKey, firstKey)})
		carried, err := back.CarryAuditChains(t.Context())
		if err != nil || len(carried) != 2 || len(carried[0].Damage) != 1 || len(carried[1].Damage) != 0 {
			t.Fatalf("taken over: %+v, %v", carried, err)
		}
		appendMore(t, url, back, "t1")
		checkDamage(t, back, "t1", nil, "")
		checkDamage(t, back, "damaged", nil, store.Edited)
	})
}
