package sqlite

import (
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlguardtest"
)

func TestRefuses(t *testing.T) {
	sqlguardtest.MustRefuse(t, New(), sqlguardtest.Load(t, "sqlite", "refuse.sql"))
}

func TestAccepts(t *testing.T) {
	sqlguardtest.MustAccept(t, New(), sqlguardtest.Load(t, "sqlite", "accept.sql"))
}
