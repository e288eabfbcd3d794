package demo_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/demo"
)

func TestShopIsLargeConsistentAndTheSameEveryTime(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "shop.db"), filepath.Join(t.TempDir(), "sub", "shop.db")
	for _, path := range []string{one, two} {
		if err := demo.CreateShop(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	if digest(t, one) != digest(t, two) {
		t.Error("two runs made different databases")
	}
	db, err := sql.Open("sqlite", "file:"+one+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, orphans, months int
	err = db.QueryRow(`SELECT
		(SELECT count(*) FROM customers) + (SELECT count(*) FROM products) + (SELECT count(*) FROM orders) + (SELECT count(*) FROM order_items),
		(SELECT count(*) FROM pragma_foreign_key_check),
		(SELECT count(*) FROM revenue_by_month)`).Scan(&rows, &orphans, &months)
	if err != nil {
		t.Fatal(err)
	}
	if rows < 100_000 || orphans != 0 || months < 24 {
		t.Errorf("%d rows, %d broken references, %d months", rows, orphans, months)
	}
}

func TestShopThatExistsIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := demo.CreateShop(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "mine" {
		t.Error("an existing file was overwritten")
	}
}

func digest(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
