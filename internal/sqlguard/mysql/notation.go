package mysql

import "strings"

// readableNotation rewrites those forms of a view's text that the servers
// write and the parser does not read: MATCH without parentheses, MariaDB's name
// of ST_SRID, and a column's collation in JSON_TABLE. The result is for
// judging only and is never run.
func readableNotation(text string) string {
	words, from := tokensWithGaps(text)
	var out strings.Builder
	inMatch := false
	for i, word := range words {
		is := func(offset int, want string) bool {
			at := i + offset
			return at >= 0 && at < len(words) && strings.EqualFold(words[at], want)
		}
		out.WriteString(text[from[i].gap:from[i].token])
		switch {
		case is(0, "MATCH") && !is(1, "("):
			word, inMatch = "match (", true
		case inMatch && is(0, "AGAINST"):
			word, inMatch = ") against", false
		case is(0, "SRID") && is(1, "("):
			word = "st_srid"
		case is(0, "COLLATE") && is(2, "PATH"), is(-1, "COLLATE") && is(1, "PATH"):
			word = ""
		}
		out.WriteString(word)
	}
	return out.String()
}

// place is where a token and the blanks before it begin.
type place struct{ gap, token int }

func tokensWithGaps(text string) (words []string, from []place) {
	end := 0
	for s := (scanner{sql: text}); s.next(); end = s.pos {
		words = append(words, text[s.start:s.pos])
		from = append(from, place{gap: end, token: s.start})
	}
	return words, from
}

// isRollupCall reports whether a name is one that MySQL writes into views with
// WITH ROLLUP. In a statement it would be a stored function.
func isRollupCall(name string) bool {
	return name == "rollup_group_item" || name == "rollup_sum_switcher"
}
