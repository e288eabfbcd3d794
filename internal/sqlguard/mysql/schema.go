package mysql

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sqlc-dev/marino/ast"
	"golang.org/x/text/unicode/norm"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// isSystemSchema reports whether a schema holds accounts, password hashes,
// other sessions' statements or the server's settings.
func isSystemSchema(name string) bool {
	switch fold(name) {
	case "mysql", "performance_schema", "sys", "ndbinfo", "mysql_innodb_cluster_metadata":
		return true
	}
	return false
}

// IsSystemDatabase reports whether a database belongs to the server.
func IsSystemDatabase(name string) bool {
	return isSystemSchema(name) || fold(name) == "information_schema"
}

// isCatalogView reports whether a view of information_schema describes the
// schema. The others show sessions, settings, accounts, buffer contents or
// column statistics, that is values; routines, triggers and events show the
// bodies of stored code, which hold keys and passwords often enough.
func isCatalogView(name string) bool {
	switch strings.ToLower(name) {
	case "character_sets", "check_constraints", "collations",
		"collation_character_set_applicability", "columns", "columns_extensions",
		"engines", "key_column_usage", "keywords", "parameters", "partitions",
		"referential_constraints", "schemata", "schemata_extensions",
		"sequences", "st_geometry_columns", "st_spatial_reference_systems",
		"st_units_of_measure", "spatial_ref_sys", "geometry_columns", "sql_functions",
		"statistics", "table_constraints", "table_constraints_extensions",
		"tables", "tables_extensions", "view_routine_usage",
		"view_table_usage", "views", "periods", "key_period_usage":
		return true
	}
	return false
}

// isOpenVariable reports whether a system variable may be read: those that say
// how statements behave, none that says where the server keeps its files.
func isOpenVariable(name string) bool {
	switch strings.ToLower(name) {
	case "version", "version_comment", "sql_mode", "time_zone", "system_time_zone",
		"character_set_client", "character_set_connection", "character_set_database",
		"character_set_results", "character_set_server", "collation_connection",
		"collation_database", "collation_server", "lower_case_table_names",
		"default_storage_engine", "group_concat_max_len", "lc_time_names",
		"max_allowed_packet", "div_precision_increment", "default_week_format",
		"tx_isolation", "transaction_isolation", "tx_read_only",
		"transaction_read_only", "autocommit", "sql_select_limit",
		"max_statement_time", "max_execution_time":
		return true
	}
	return false
}

// isOpenShow reports whether a SHOW describes the schema. SHOW WARNINGS and
// its like tell about the previous user of a pooled session; VARIABLES,
// STATUS, PROCESSLIST, GRANTS, ENGINE and the log statements tell about the
// server, its accounts and its other clients. SHOW TRIGGERS and SHOW CREATE of
// stored code show bodies; see isCatalogView.
func isOpenShow(tp ast.ShowStmtType) bool {
	switch tp {
	case ast.ShowTables, ast.ShowTableStatus, ast.ShowColumns, ast.ShowIndex,
		ast.ShowCreateTable, ast.ShowCreateView, ast.ShowCreateSequence,
		ast.ShowDatabases, ast.ShowCreateDatabase, ast.ShowCharset,
		ast.ShowCollation, ast.ShowEngines,
		ast.ShowProcedureStatus, ast.ShowFunctionStatus, ast.ShowEvents:
		return true
	}
	return false
}

// checkSchema refuses a system schema; "" is the connection's own.
func checkSchema(name string) error {
	if isSystemSchema(name) {
		return sqlguard.Forbidden("system schema " + strings.ToLower(name))
	}
	return nil
}

// checkRelation refuses relations of the system schemas and those of
// information_schema that are more than a description of the schema.
func checkRelation(schema, name string) error {
	if fold(schema) == "information_schema" && !isCatalogView(name) {
		return sqlguard.Forbidden("information_schema." + strings.ToLower(name))
	}
	return checkSchema(schema)
}

// fold returns what is left of a name when an engine ignores letter case,
// accents, width, outer blanks and characters without weight, as its
// collations may.
func fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case r == 'ı': // lower case of I in Turkish, without decomposition
			b.WriteByte('i')
		case r < utf8.RuneSelf:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.TrimSpace(b.String())
}
