package store_test

import (
	"slices"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

func TestEndpoints(t *testing.T) {
	for url, want := range map[string][]string{
		"postgresql://u:p@db.test/gw":                                 {"db.test:5432"},
		"postgres://u:p@[::1]:6000/gw?sslmode=prefer":                 {"[::1]:6000"},
		"postgresql://u:p@elsewhere.test/gw?host=10.0.0.5&port=6000":  {"10.0.0.5:6000"},
		"postgresql://u:p@a.test,b.test/gw?sslmode=disable":           {"a.test:5432", "b.test:5432"},
		"postgresql://u:p@elsewhere.test/gw?host=/var/run/postgresql": nil,
	} {
		if got, err := store.Endpoints(url); err != nil || !slices.Equal(got, want) {
			t.Errorf("Endpoints(%s) = %v, %v, want %v", url, got, err, want)
		}
	}
	if _, err := store.Endpoints("postgresql://u:p@db.test/gw?port=x"); err == nil {
		t.Error("a URL that cannot be read has endpoints")
	}
}
