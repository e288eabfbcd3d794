package mysql

import (
	"strings"
	"unicode/utf8"
)

// maxMessage bounds how much of the parser's message, which quotes the rest
// of the statement, goes back to the caller.
const maxMessage = 160

// explain returns the parser's message and, for syntax that only MariaDB has
// and the parser does not know, how to write it otherwise.
func (g *Guard) explain(sql string, parseErr error) string {
	text := strings.TrimSpace(parseErr.Error())
	if strings.HasPrefix(text, "[") { // an error class of the parser: [ddl:1115]
		if _, after, ok := strings.Cut(text, "]"); ok {
			text = after
		}
	}
	text = shorten(text)
	if g.flavour != MariaDB {
		return text
	}
	if hint := mariadbHint(sql); hint != "" {
		return text + " (" + hint + ")"
	}
	return text
}

// shorten cuts text to maxMessage bytes at a character boundary.
func shorten(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	end := maxMessage
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// mariadbHint looks for a word that begins a construct which only MariaDB has.
func mariadbHint(sql string) string {
	s := scanner{sql: sql}
	for first := true; s.next(); first = false {
		if s.kind != word {
			continue
		}
		switch strings.ToUpper(sql[s.start:s.pos]) {
		case "FETCH", "TIES":
			return "this guard does not know FETCH: use LIMIT n OFFSET m"
		case "EXAMINED":
			return "LIMIT ROWS EXAMINED is not allowed: leave it out"
		case "MEDIAN", "PERCENTILE_CONT", "PERCENTILE_DISC":
			return "ordered-set functions are not allowed: use ROW_NUMBER() and COUNT(*) OVER"
		case "RESTRICT":
			return "CYCLE … RESTRICT is not allowed: use UNION instead of UNION ALL"
		case "SYSTEM_TIME":
			return "FOR SYSTEM_TIME is not allowed"
		case "VALUES":
			return "use SELECT … UNION ALL SELECT … instead of VALUES"
		case "GROUP_CONCAT":
			return "GROUP_CONCAT takes no LIMIT here"
		case "ANALYZE":
			if first {
				return "use EXPLAIN instead of ANALYZE"
			}
		}
	}
	return ""
}
