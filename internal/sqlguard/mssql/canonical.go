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

// joinView does the same for what the parser gets.
func joinView(view []string) string {
	var b strings.Builder
	for _, t := range view {
		if t != "" {
			b.WriteString(t)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// parserView returns the tokens as the parser gets them, "" for one that it
// does not get. It does not know everywhere what the servers know: the
// quantifier in "x > ALL (SELECT …" and COLLATE with its collation are left
// out, and names that it takes for keywords get brackets. None of it can make
// a query anything else; what remains is judged like everything.
func (p policy) parserView(tokens []token) []string {
	view := make([]string, len(tokens))
	xmlDepth := -1 // of the FOR XML clause that the token is in
	for i, t := range tokens {
		switch {
		case isForXML(tokens, i):
			xmlDepth = t.depth
		case t.depth < xmlDepth:
			xmlDepth = -1
		}
		switch {
		case isQuantifier(tokens, i) || isCollation(tokens, i):
		case p.isMistaken(tokens, i, t.depth == xmlDepth):
			view[i] = "[" + t.text + "]"
		default:
			view[i] = t.text
		}
	}
	return view
}

// isMistaken reports whether the token at i is a name in T-SQL and a keyword to
// the parser. TYPE is a keyword in FOR XML, LANGUAGE before a constant.
func (p policy) isMistaken(tokens []token, i int, inForXML bool) bool {
	w := strings.ToLower(tokens[i].text)
	if tokens[i].kind != word || !p["parser keywords"][w] {
		return false
	}
	switch w {
	case "type":
		return !inForXML
	case "language":
		return i+1 >= len(tokens) || tokens[i+1].kind != number && tokens[i+1].kind != text
	}
	return true
}

func isForXML(tokens []token, i int) bool {
	return strings.EqualFold(tokens[i].text, "for") &&
		i+1 < len(tokens) && strings.EqualFold(tokens[i+1].text, "xml")
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
