package gateway_test

import (
	"net/http"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// TestConnectionRules reaches the rules of a connection through the whole
// gateway: SQLite has no stored functions, and a change of a rule leaves the
// connection usable from the next call on.
func TestConnectionRules(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	_, execute := g.ConnectShop(t)
	ask := map[string]any{"sql": "SELECT 1 AS one"}
	mustText(t, g.Analyst, execute, ask, `{"one":1}`)
	var connections []struct {
		ID            string `json:"id"`
		AllowPowerful *bool  `json:"allow_powerful_login"`
	}
	if err := g.Admin.Do(t.Context(), http.MethodGet, "/api/v1/connections/", nil, &connections); err != nil {
		t.Fatal(err)
	}
	if len(connections) != 1 || connections[0].AllowPowerful == nil || *connections[0].AllowPowerful {
		t.Fatalf("connections %+v", connections)
	}
	path := "/api/v1/connections/" + connections[0].ID
	functions := []map[string]any{{}}
	if err := g.Admin.Do(t.Context(), http.MethodGet, path+"/functions", nil, &functions); err != nil || len(functions) != 0 {
		t.Errorf("functions of SQLite: %v, %v", functions, err)
	}
	if err := g.Admin.Do(t.Context(), http.MethodPatch, path, map[string]any{"allow_powerful_login": true}, nil); err != nil {
		t.Fatal(err)
	}
	mustText(t, g.Analyst, execute, ask, `{"one":1}`)
}
