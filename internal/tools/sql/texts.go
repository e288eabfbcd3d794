package sql

import (
	"fmt"
	"strings"
)

// What models read about the tools. The order of work (schema first, then
// SQL) is said in both tools, because a model often sees one at a time.

func (s *source) schemaDescription(executeName string) string {
	return s.describeConnection(fmt.Sprintf(
		"Show the schema of %q (%s): tables, views, columns, types, keys and indexes. "+
			"Call this before writing SQL for %s; use the names exactly as shown. "+
			"A large schema is shortened: ask again with tables, search or detail.",
		s.connection.Name, s.dialect.Title(), executeName))
}

func (s *source) executeDescription(schemaName string) string {
	return s.describeConnection(fmt.Sprintf(
		"Run one read-only SQL statement (SELECT, WITH … SELECT, VALUES, EXPLAIN and the like) on %q, "+
			"in the SQL dialect of %s. Call %s first to learn the table and column names. "+
			"Statements that write, lock or call unsafe functions are refused. "+
			"At most 10,000 rows and 10 MiB come back, in at most 30 s; truncated says if rows are missing, so prefer aggregates and LIMIT.",
		s.connection.Name, s.dialect.Title(), schemaName))
}

func (s *source) describeConnection(text string) string {
	if about := strings.TrimSpace(s.connection.Description); about != "" {
		return text + " About this database: " + about
	}
	return text
}

const executeInput = `{
  "type": "object",
  "properties": {
    "sql": {"type": "string", "maxLength": 100000, "description": "one read-only SQL statement"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 10000, "description": "most rows to return, 10000 if not given"}
  },
  "required": ["sql"],
  "additionalProperties": false
}`

const executeOutput = `{
  "type": "object",
  "properties": {
    "columns": {"type": "array", "items": {"type": "string"}},
    "row_count": {"type": "integer"},
    "rows": {"type": "array", "items": {"type": "object"}},
    "truncated": {"type": "boolean"},
    "truncation_reason": {"type": "string", "enum": ["row_limit", "byte_limit"]}
  },
  "required": ["columns", "row_count", "rows", "truncated"]
}`

const schemaInput = `{
  "type": "object",
  "properties": {
    "tables": {"type": "array", "items": {"type": "string", "maxLength": 300}, "maxItems": 500, "description": "only these tables, by exact name or schema.name"},
    "search": {"type": "string", "maxLength": 200, "description": "only tables whose name, columns or comments contain this text, in any case"},
    "detail": {"type": "string", "enum": ["summary", "full"], "description": "summary: one line per table; full: everything; not given: as much as fits"}
  },
  "additionalProperties": false
}`

const schemaOutput = `{
  "type": "object",
  "properties": {
    "tables": {
      "type": "array",
      "items": {
        "type": "object",
        "properties": {
          "schema": {"type": "string"},
          "name": {"type": "string"},
          "kind": {"type": "string"},
          "comment": {"type": "string"},
          "rows": {"type": "integer", "description": "estimate"},
          "columns": {"type": "array", "items": {
            "type": "object",
            "properties": {
              "name": {"type": "string"},
              "type": {"type": "string"},
              "nullable": {"type": "boolean"},
              "default": {"type": "string"},
              "comment": {"type": "string"}
            },
            "required": ["name", "type", "nullable"]
          }},
          "primary_key": {"type": "array", "items": {"type": "string"}},
          "unique": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
          "foreign_keys": {"type": "array", "items": {"type": "object"}},
          "indexes": {"type": "array", "items": {"type": "object"}}
        },
        "required": ["name", "kind"]
      }
    },
    "omitted": {"type": "array", "items": {"type": "string"}, "description": "what was left out to keep the answer short"},
    "unknown_tables": {"type": "array", "items": {"type": "string"}}
  },
  "required": ["tables"]
}`
