package cost

import (
	"math"
	"strings"
)

// function is what is known of a function or an operator. The zero value is
// one of which nothing is known: its result is as long as its arguments, its
// value as a number cannot be told, and its time may be their product.
type function struct {
	measure   func(e *Expr, args []extent) extent
	linear    bool // its time is the sum of its arguments' lengths
	makes     bool // its result can be longer than its arguments
	aggregate bool
	sorts     bool // it is an aggregate that holds all values, but not in memory
}

// lookUp returns what is known of a function by its lower-case name. Names
// mean the same in every dialect; where they do not, the dialect renames.
func lookUp(name string) function {
	if f := makers(name); f.makes {
		return f
	}
	if f := numbers(name); f.measure != nil {
		return f
	}
	switch name {
	case "array_agg", "string_agg", "group_concat", "listagg", "json_agg", "jsonb_agg", "json_object_agg",
		"jsonb_object_agg", "json_arrayagg", "json_objectagg", "json_group_array", "json_group_object",
		"jsonb_group_array", "jsonb_group_object", "xmlagg", "range_agg", "st_collect":
		return function{linear: true, aggregate: true}
	case "count", "count_big", "row_number", "rank", "dense_rank", "approx_count_distinct":
		return function{measure: counted, linear: true, aggregate: name == "count" || name == "count_big"}
	case "sum", "total":
		return function{measure: summed, linear: true, aggregate: true}
	case "avg", "min", "max", "any_value", "first_value", "last_value", "nth_value", "lag", "lead", "median",
		"bool_and", "bool_or", "every":
		return function{measure: anyOf, linear: true}
	case "percentile_cont", "percentile_disc", "mode":
		return function{measure: anyOf, linear: true, aggregate: true, sorts: true}
	case "=", "<>", "!=", "<", ">", "<=", ">=", "<=>", "and", "or", "not", "xor", "is", "between", "in":
		return function{measure: truth, linear: true}
	case "||", "concat", "concat_ws", "row", "json_build_object", "json_build_array", "jsonb_build_object",
		"jsonb_build_array", "json_object", "json_array", "jsonb_object", "jsonb_array", "array_append",
		"array_prepend", "array_cat", "upper", "lower", "md5", "sha1", "sha2", "sha256", "encode",
		"array", "xmlconcat2", "xmlelement", "xmlforest", "date_trunc", "date_format", "to_date", "strftime":
		return function{linear: true}
	}
	return function{}
}

// steps returns how many steps a call can take that compares its arguments or
// their parts with each other.
func steps(name string, t totals) float64 {
	switch {
	case strings.HasPrefix(name, "st_"):
		return geometrySteps(name, t)
	case name == "json_normalize", name == "json_equals", name == "json_search", name == "normalize", name == "is_normalized":
		return product(t.effort, t.effort)
	case strings.HasPrefix(name, "json_"):
		return product(t.effort, max(t.second, jsonSteps))
	}
	return product(t.effort, t.second)
}

// geometrySteps is steps for geometry. MariaDB's is cubic where lines lie upon
// one another: ST_BUFFER of 400 points and ST_INTERSECTS of two lines with 600
// points each take more than 9 s, and so does MySQL's ST_CONVEXHULL of a million.
func geometrySteps(name string, t totals) float64 {
	switch name {
	case "st_buffer", "st_issimple":
		return math.Pow(t.effort, 3)
	case "st_union", "st_intersection", "st_difference", "st_symdifference", "st_intersects", "st_crosses",
		"st_overlaps", "st_touches", "st_equals", "st_within", "st_contains", "st_disjoint", "st_relate":
		return product(t.effort, product(t.second, t.second)) / 10
	case "st_srid", "st_setsrid", "st_makepoint", "st_point", "st_x", "st_y", "st_z":
		return t.effort
	}
	if strings.Contains(name, "from") || strings.HasPrefix(name, "st_as") {
		return t.effort
	}
	return product(t.effort, t.effort)
}

// jsonSteps is what MySQL does for each byte of a JSON text: 8 MB take 5 s and
// 600 MB of memory.
const jsonSteps = 50

// makers are the functions whose result can be much longer than their
// arguments.
func makers(name string) function {
	f := function{linear: true, makes: true}
	switch name {
	case "repeat", "replicate":
		f.measure = repeated
	case "space", "zeroblob", "randomblob", "random_bytes", "gen_random_bytes":
		f.measure = blanks
	case "lpad", "rpad", "bpchar", "bit":
		f.measure = padded
	case "polygon":
		f.measure = corners
	case "array_fill":
		f.measure = repeated
	case "replace":
		f.measure, f.linear = replaced, false
	case "regexp_replace":
		f.measure, f.linear = rewritten, false
	case "array_to_string", "json_pretty", "jsonb_pretty", "ts_headline":
		f.measure = separated
	case "format", "printf", "sformat":
		f.measure = formatted
	case "hex", "quote", "quote_literal", "quote_ident", "quote_nullable", "to_json", "to_jsonb", "json_quote",
		"to_base64", "unistr_quote", "quotename", "string_escape", "xmltext", "weight_string":
		f.measure = doubled
	case "export_set":
		f.measure = exported
	case "uncompress", "decompress":
		f.measure = inflated
	case "string_to_array", "regexp_split_to_array", "regexp_matches", "string_to_table":
		f.measure, f.linear = split, false
	case "to_char":
		f.measure = spelled
	case "^", "**", "power", "pow", "exp", "factorial", "numeric_power", "dpow", "dexp":
		f.measure = raised
	default:
		return function{}
	}
	return f
}

// numbers are the functions whose result as a number has a known bound.
func numbers(name string) function {
	f := function{linear: true}
	switch name {
	case "+", "-":
		f.measure = added
	case "+||":
		f.measure = joined
	case "*":
		f.measure = multiplied
	case "/", "div":
		f.measure = divided
	case "%", "mod":
		f.measure = least
	case "least", "min_of":
		f.measure = least
	case "greatest", "coalesce", "ifnull", "nvl", "nullif", "if", "iif", "case", "isnull", "choose", "max_of", "abs",
		"round", "floor", "ceil", "ceiling", "trunc", "truncate", "cast", "convert", "int", "int2", "int4", "int8",
		"float4", "float8", "numeric", "sqrt", "cbrt", "ln", "log", "log10", "log2", "->", "->>", "#>>", "unnest", "generate_series", Sequence,
		"json_unquote", "fix":
		f.measure = anyOf
	case "length", "char_length", "character_length", "octet_length", "len", "datalength", "lengthb", "array_length",
		"cardinality", "json_length", "json_array_length", "jsonb_array_length", "array_upper", "json_depth", "bit_length":
		f.measure = measuredLength
	case "position", "strpos", "instr", "locate", "charindex", "patindex", "field", "find_in_set":
		return function{measure: measuredLength}
	case "json_extract", "json_value":
		return function{measure: anyOf}
	case "substr", "substring", "trim", "btrim", "ltrim", "rtrim", "split_part", "substring_index", "mid", "translate":
		return function{measure: shortened}
	case "left", "right":
		f.measure = cut
	case "width_bucket":
		f.measure = bucket
	case "char", "chr", "nchar":
		f.measure = characters
	case "sign", "random", "rand", "pi", "ntile", "percent_rank", "cume_dist":
		f.measure = func(_ *Expr, args []extent) extent { return plain(max(4, total(args).number)) }
	case "ascii", "ord", "unicode":
		f.measure = func(*Expr, []extent) extent { return plain(math.MaxInt16 << 6) }
	case "year", "month", "day", "hour", "minute", "second", "week", "quarter", "weekday", "dayofweek", "dayofmonth",
		"dayofyear", "datediff", "grouping", "now",
		"current_date", "curdate", "getdate", "bit_count", "nlevel":
		f.measure = func(*Expr, []extent) extent { return plain(columnNumber) }
	case "extract", "date_part", "datepart":
		f.measure = datePart
	default:
		return function{}
	}
	return f
}
