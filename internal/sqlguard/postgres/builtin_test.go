package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// TestRefusalsPromiseNothing: no refusal of a function that came with the
// server says that an administrator can allow it.
func TestRefusalsPromiseNothing(t *testing.T) {
	engine := startEngine(t)
	conn := connect(t, engine.admin)
	defer conn.Close(context.Background())
	guard := New()
	names := query(t, conn, "SELECT DISTINCT proname::text, '' FROM pg_proc WHERE oid < 16384 AND proname !~ '^(RI_|_pg_)'")
	for name := range names {
		_, err := guard.Check("SELECT " + name + "()")
		if err != nil && strings.Contains(fault.Of(err).Public, "administrator") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(names) < 2000 {
		t.Errorf("%d functions only", len(names))
	}
}
