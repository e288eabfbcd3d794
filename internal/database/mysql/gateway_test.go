package mysql_test

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// TestThroughTheGateway registers the database as an administrator would and
// calls its tools, guard and dialect together.
func TestThroughTheGateway(t *testing.T) {
	s := start(t)
	s.shop(t)
	g := gatewaytest.Start(t, gatewaytest.Options{})
	schema, execute := g.Connect(t, client.NewConnection{Name: "shop", Type: "mysql", String: s.ownerConn, AllowPowerfulLogin: true})
	for _, tt := range []struct {
		name, tool string
		args       map[string]any
		want       string
		isError    bool
	}{
		{"rows", execute, map[string]any{"sql": "SELECT c.name, o.total, o.placed FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY o.id LIMIT 1"},
			`"rows":[{"name":"Ann","total":"12.50","placed":"2026-01-31"}]`, false},
		{"names of expressions", execute, map[string]any{"sql": "SELECT COUNT(*) FROM customers -- all of them"}, `{"COUNT(*)":3}`, false},
		{"window", execute, map[string]any{"sql": "WITH t AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS n FROM customers) SELECT id FROM t WHERE n = 1"}, `[{"id":3}]`, false},
		{"cut", execute, map[string]any{"sql": "SELECT id FROM customers ORDER BY id", "limit": 2}, `"truncated":true,"truncation_reason":"row_limit"`, false},
		{"marks", execute, map[string]any{"sql": "SELECT '100 % :name ? @x' AS c"}, `{"c":"100 % :name ? @x"}`, false},
		{"show", execute, map[string]any{"sql": "SHOW TABLES"}, `customer_totals`, false},
		{"describe", execute, map[string]any{"sql": "DESCRIBE orders"}, `"Field":"customer_id"`, false},
		{"explain", execute, map[string]any{"sql": "EXPLAIN SELECT * FROM orders"}, `"table":"orders"`, false},
		{"MariaDB's own function", execute, map[string]any{"sql": "SELECT NVL(email, '-') AS e FROM customers WHERE id = 2"}, `[{"e":"-"}]`, false},
		{"MySQL's own function", execute, map[string]any{"sql": "SELECT ANY_VALUE(id) FROM customers"}, "Function not allowed: any_value", true},
		{"executable comment", execute, map[string]any{"sql": "SELECT 1 /*M!100100 , SLEEP(1) */"}, "SQL rejected: ", true},
		{"write", execute, map[string]any{"sql": "DELETE FROM customers"}, "SQL rejected: Non-SELECT statement", true},
		{"file", execute, map[string]any{"sql": "SELECT LOAD_FILE('/etc/passwd')"}, "SQL rejected: Function not allowed: load_file", true},
		{"unknown table", execute, map[string]any{"sql": "SELECT * FROM suppliers"}, "Error: Table '" + s.db + ".suppliers' doesn't exist", true},
		{"schema", schema, map[string]any{}, "Table: " + s.db + ".customers", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := g.Analyst.CallTool(t.Context(), gatewaytest.Slug, tt.tool, tt.args)
			if err != nil {
				t.Fatal(err)
			}
			if r.IsError != tt.isError || !strings.Contains(r.Text(), tt.want) {
				t.Errorf("isError %t, text %.300q; want %q", r.IsError, r.Text(), tt.want)
			}
			if strings.Contains(r.Text(), s.password) {
				t.Errorf("the password is shown: %q", r.Text())
			}
		})
	}
}
