package mssql_test

import (
	"github.com/mcp-gateway/mcp-gateway/internal/database/databasetest"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
)

// catalogue answers objects.sql.
func (s *standInSession) catalogue() canned {
	if s.objects != nil {
		return objectsOf(s.objects(s.user)...)
	}
	rows := [][]any{session(databaseName), table(100, "customers"), table(200, "orders"), view(300, "customer_totals", databasetest.Shop()[3])}
	if s.user == "owner" {
		rows = append(rows, power("sysadmin"))
	}
	return objectsOf(rows...)
}

func objectsOf(rows ...[]any) canned {
	return canned{columns: []tdstest.Column{text(""), integer(""), text(""), text(""), text(""), text("")}, rows: rows}
}

// The rows of objects.sql.

func session(database string) []any { return []any{"login", int64(0), "dbo", database, "", ""} }
func power(name string) []any       { return []any{"power", int64(0), "", name, "role", ""} }

func object(id int64, schema, name, typ string, definition any) []any {
	return []any{"object", id, schema, name, typ, definition}
}

func table(id int64, name string) []any { return object(id, "dbo", name, "U", nil) }

func view(id int64, name string, definition any) []any {
	return object(id, "dbo", name, "V", definition)
}

func about(kind string, id int64, schema, name, typ string, text any) []any {
	return []any{kind, id, schema, name, typ, text}
}

// warehouse is a database with one object of each kind that may run code.
func warehouse(string) [][]any {
	f := func(id int64, name, typ, definition string) []any { return object(id, "dbo", name, typ, definition) }
	return [][]any{
		session(databaseName),
		table(1, "orders"), table(2, "priced"), table(3, "secret"), table(4, "rows"), table(5, "shapes"), table(6, "remote"),
		object(7, "sales", "orders", "U", nil), table(8, "dotted.name"),
		about("computed", 2, "", "total", "", "([dbo].[f_total]([price]))"),
		about("computed", 3, "", "hash", "", nil),
		about("policy", 4, "", "filter", "", "([dbo].[f_may]([owner]))"),
		about("clr", 5, "", "shape", "", "Shape"),
		about("external", 6, "", "remote", "", ""),

		view(20, "plain", "CREATE VIEW dbo.plain WITH SCHEMABINDING AS SELECT id, UPPER(name) AS name FROM dbo.orders WITH CHECK OPTION"),
		view(21, "nested", "CREATE OR ALTER VIEW nested AS WITH p AS (SELECT * FROM plain) SELECT id FROM p JOIN sys.tables c ON c.object_id = p.id"),
		view(22, "runs", "CREATE VIEW runs AS SELECT dbo.f_total(id) AS t FROM orders"),
		view(23, "deep", "CREATE VIEW deep AS SELECT t FROM dbo.runs"),
		view(24, "linked", "CREATE VIEW linked AS SELECT * FROM OPENQUERY(srv, 'DELETE FROM t')"),
		view(25, "rowset", "CREATE VIEW rowset AS SELECT * FROM OPENROWSET(BULK 'C:\\x', SINGLE_CLOB) AS x"),
		view(26, "four", "CREATE VIEW four AS SELECT * FROM srv.db.dbo.t"),
		view(27, "elsewhere", "CREATE VIEW elsewhere AS SELECT * FROM other.dbo.t"),
		view(28, "encrypted", nil),
		view(29, "blind", "CREATE VIEW blind AS SELECT * FROM hidden.t"),
		view(30, "inline", "CREATE VIEW inline AS SELECT o.id FROM dbo.f_orders(3) o"),
		view(31, "method", "CREATE VIEW method AS SELECT dbo.ToString() AS x FROM orders"),
		view(32, "odd", "CREATE VIEW odd AS SELECT * FROM orders OPTION (RECOMPILE)"),
		view(33, "who", "CREATE VIEW who AS SELECT SUSER_SNAME() AS x"),
		view(34, "circle", "CREATE VIEW circle AS SELECT * FROM dbo.circle"),

		object(35, "sýs", "columns", "V", "CREATE VIEW [sýs].columns AS SELECT dbo.f_total(1) AS t"),
		view(37, "own", "CREATE VIEW own AS SELECT shop.dbo.f_total(o.id) AS t FROM [Shop].[dbo].[orders] o"),
		view(38, "owner", "CREATE VIEW owner AS SELECT o.id FROM [Shop].[dbo].[orders] o JOIN shop..plain p ON p.id = o.id"),
		view(36, "likeness", "CREATE VIEW likeness AS SELECT * FROM [sýs].columns"),

		object(40, "dbo", "s_local", "SN", "[dbo].[orders]"),
		object(41, "dbo", "s_own", "SN", "[Shop].[dbo].[plain]"),
		object(42, "dbo", "s_linked", "SN", "[srv].[db].[dbo].[t]"),
		object(43, "dbo", "s_other", "SN", "[other].[dbo].[t]"),
		object(44, "dbo", "s_runs", "SN", "[runs]"),
		object(45, "dbo", "s_lost", "SN", "[dbo].[nowhere]"),
		object(46, "dbo", "f_syn", "SN", "[dbo].[f_total]"),
		object(47, "dbo", "s_quoted", "SN", "[shop].[dbo].[dotted.name]"),
		object(48, "dbo", "s_priced", "SN", "priced"),

		f(60, "f_total", "FN", "CREATE FUNCTION dbo.f_total(@x int) RETURNS money AS BEGIN RETURN @x END"),
		about("parameter", 60, "sys", "", "returns", "money"), about("parameter", 60, "sys", "@x", "takes", "int"),
		about("deterministic", 60, "", "", "", ""),
		f(61, "f_may", "IF", "CREATE FUNCTION dbo.f_may(@o sysname) RETURNS TABLE AS RETURN SELECT 1 AS ok"),
		about("parameter", 61, "sys", "@o", "takes", "sysname"),
		f(62, "f_orders", "TF", "CREATE FUNCTION dbo.f_orders(@n int) …"), about("parameter", 62, "sys", "@n", "takes", "int"),
		f(63, "ToString", "FN", "CREATE FUNCTION dbo.ToString() …"),
		object(64, "dbo", "f_clr", "FS", nil), object(65, "dbo", "f_hidden", "FN", nil),
		f(66, "f_typed", "FN", "…"), about("parameter", 66, "app", "@p", "takes", "Phone"), about("parameter", 66, "sys", "@q", "takes", "nvarchar"),
	}
}
