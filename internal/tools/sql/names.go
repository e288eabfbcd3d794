package sql

import "strings"

const (
	schemaPrefix  = "get_schema_"
	executePrefix = "execute_sql_"
	idChars       = 8  // of the connection's id, in a tool's name
	maxName       = 64 // of a whole tool name
	maxSlug       = maxName - len(executePrefix) - 1 - idChars
)

// ToolNames returns the names of a connection's two tools (contract 6.3). They
// share one slug, cut so that the longer name fits.
func ToolNames(name, id string) (schema, execute string) {
	suffix := slug(name) + "_" + id[:min(len(id), idChars)]
	return schemaPrefix + suffix, executePrefix + suffix
}

// slug lowers name and makes each run outside [a-z0-9] one underscore.
func slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(r)
	}
	s := b.String()
	if len(s) > maxSlug {
		s = strings.TrimRight(s[:maxSlug], "_")
	}
	if s == "" {
		return "db"
	}
	return s
}
