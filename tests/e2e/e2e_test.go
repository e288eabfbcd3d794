// Package e2e_test drives the gateway's pages in Chromium. `make e2e` installs
// what it needs and sets MCPGW_TEST_E2E to this folder.
package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

func TestPages(t *testing.T) {
	folder := os.Getenv("MCPGW_TEST_E2E")
	if folder == "" {
		if testing.Short() {
			t.Skip("needs a browser: run make e2e")
		}
		t.Fatal("MCPGW_TEST_E2E is not set: run make e2e, which installs the browser")
	}
	g := gatewaytest.Start(t, gatewaytest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "signin.mjs", g.Base, gatewaytest.Slug, "analyst@acme.test", gatewaytest.Password, os.Getenv("MCPGW_TEST_PICTURES"))
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
