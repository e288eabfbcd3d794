package sqlite

import "strings"

// AllowedFunction reports whether an SQL function may be called. The names
// are those of SQLite's core, its date, math, JSON, window and full-text
// search functions that only compute; "->" and "->>" are how the authorizer
// hears of the operators. Not here: load_extension, readfile, writefile,
// edit, fts3_tokenizer, zeroblob and randomblob (size), what tells about the
// connection (changes, last_insert_rowid, sqlite_compileoption_get), json_patch
// (its time grows with the product of its arguments' lengths, and a function
// cannot be interrupted), and everything unknown. https://sqlite.org/lang_corefunc.html
func AllowedFunction(name string) bool {
	switch strings.ToLower(name) {
	case "abs", "char", "coalesce", "concat", "concat_ws", "format", "glob", "hex", "if", "ifnull", "iif",
		"instr", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nullif",
		"octet_length", "printf", "quote", "random", "regexp", "replace", "round", "rtrim", "sign", "soundex",
		"sqlite_version", "subtype", "substr", "substring", "trim", "typeof", "unhex", "unicode", "unistr",
		"unistr_quote", "unlikely", "upper":
		return true
	case "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff",
		"current_date", "current_time", "current_timestamp":
		return true
	case "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos", "cosh",
		"degrees", "exp", "floor", "ln", "log", "log10", "log2", "mod", "pi", "pow", "power", "radians", "sin",
		"sinh", "sqrt", "tan", "tanh", "trunc":
		return true
	case "avg", "count", "group_concat", "string_agg", "sum", "total", "median", "percentile",
		"percentile_cont", "percentile_disc", "row_number", "rank", "dense_rank", "percent_rank", "cume_dist",
		"ntile", "lag", "lead", "first_value", "last_value", "nth_value":
		return true
	case "json", "json_array", "json_array_insert", "json_array_length", "json_error_position", "json_extract",
		"json_group_array", "json_group_object", "json_insert", "json_object", "json_pretty",
		"json_quote", "json_remove", "json_replace", "json_set", "json_type", "json_valid", "jsonb",
		"jsonb_array", "jsonb_array_insert", "jsonb_extract", "jsonb_group_array", "jsonb_group_object",
		"jsonb_insert", "jsonb_object", "jsonb_remove", "jsonb_replace", "jsonb_set", "->", "->>":
		return true
	case "bm25", "highlight", "snippet", "match", "matchinfo", "offsets":
		return true
	}
	return false
}

// AllowedPragma reports whether a PRAGMA may run, by its name and whether a
// value is given. Those that take a value take the name of what they
// describe; for the others a value would set something. Not here:
// database_list (it tells the file's path) and everything that changes the
// connection or the file. https://sqlite.org/pragma.html
func AllowedPragma(name string, hasValue bool) bool {
	switch strings.ToLower(name) {
	case "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
		"foreign_key_list", "foreign_key_check":
		return true
	case "application_id", "collation_list", "encoding", "foreign_keys", "freelist_count", "page_count",
		"page_size", "schema_version", "user_version":
		return !hasValue
	}
	return false
}

// pragmaTable is how the name of a PRAGMA that reads as a table starts.
const pragmaTable = "pragma_"

// AllowedTable reports whether a table may be read: any but the ones that
// SQLite and its extensions make to show the file's pages, statistics with
// sampled values, prepared statements or the file system.
func AllowedTable(name string) bool { return allowedTable(strings.ToLower(name), false) }

// allowedTable is AllowedTable for a lower-case name, with or without
// arguments.
func allowedTable(lower string, called bool) bool {
	switch {
	case strings.HasPrefix(lower, pragmaTable):
		return AllowedPragma(lower[len(pragmaTable):], called)
	case strings.HasPrefix(lower, "sqlite_"):
		return isSchemaTable(lower)
	}
	switch lower {
	case "dbstat", "bytecode", "tables_used", "fsdir", "zipfile", "completion", "generate_series", "fts3tokenize",
		"carray":
		return false
	}
	return true
}

// isSchemaTable names the sqlite_ tables that describe the schema.
func isSchemaTable(lower string) bool {
	switch lower {
	case "sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema", "sqlite_sequence":
		return true
	}
	return false
}

// isTableFunction names the functions that stand for a table in FROM.
func isTableFunction(lower string) bool {
	switch lower {
	case "json_each", "json_tree", "jsonb_each", "jsonb_tree":
		return true
	}
	return strings.HasPrefix(lower, pragmaTable)
}
