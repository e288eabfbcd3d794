package mssql

import "strings"

// join returns the canonical text: the tokens as written, one blank between.
func join(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// parserView returns the canonical text as the parser gets it. What it does
// not know everywhere the servers do becomes blanks, which keeps positions: the
// quantifier in "x > ALL (SELECT …" and COLLATE with its collation. Neither can
// make a query anything else; what remains is judged like everything.
func parserView(canonical string, tokens []token) string {
	var view []byte // nil until the first change
	offset := 0
	for i, t := range tokens {
		if isQuantifier(tokens, i) || isCollation(tokens, i) {
			if view == nil {
				view = []byte(canonical)
			}
			copy(view[offset:], strings.Repeat(" ", len(t.text)))
		}
		offset += len(t.text) + 1
	}
	if view == nil {
		return canonical
	}
	return string(view)
}

// isQuantifier reports whether the token at i is ALL, ANY or SOME between a
// comparison and a subquery.
func isQuantifier(tokens []token, i int) bool {
	switch strings.ToLower(tokens[i].text) {
	case "all", "any", "some":
	default:
		return false
	}
	return i > 0 && i+2 < len(tokens) && isComparison(tokens[i-1]) &&
		tokens[i+1].text == "(" && strings.EqualFold(tokens[i+2].text, "select")
}

func isComparison(t token) bool {
	switch t.text {
	case "=", "<", ">", "<>", "!=", "<=", ">=", "!<", "!>":
		return true
	}
	return false
}

// isCollation reports whether the token at i is COLLATE before a word, or that
// word.
func isCollation(tokens []token, i int) bool {
	return isCollate(tokens, i) || i > 0 && isCollate(tokens, i-1)
}

func isCollate(tokens []token, i int) bool {
	return strings.EqualFold(tokens[i].text, "collate") &&
		i+1 < len(tokens) && tokens[i+1].kind == word
}
