package mssql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// ViewQuery returns the query of a view from its definition, as
// sys.sql_modules keeps it: CREATE VIEW x (…) WITH … AS query WITH CHECK OPTION.
// The result is the canonical text of the query, not judged yet. Names that
// begin with the view's own database lose that part, which says nothing.
func ViewQuery(definition, database string) (string, error) {
	if err := sqlguard.Precheck(definition); err != nil {
		return "", err
	}
	tokens, err := scan(definition)
	if err != nil {
		return "", err
	}
	view := false
	for i, t := range tokens {
		if t.kind != word || t.depth != 0 {
			continue
		}
		switch strings.ToLower(t.text) {
		case "view":
			view = true
		case "as":
			if !view {
				return "", errNoView()
			}
			return join(withoutDatabase(withoutCheckOption(tokens[i+1:]), Fold(database))), nil
		}
	}
	return "", errNoView()
}

func errNoView() error { return sqlguard.ParseFailed("this is no definition of a view") }

// withoutCheckOption takes the end off that only concerns writes.
func withoutCheckOption(tokens []token) []token {
	option := []string{"with", "check", "option"}
	from := len(tokens) - len(option)
	if from < 0 {
		return tokens
	}
	for i, w := range option {
		if t := tokens[from+i]; t.kind != word || !strings.EqualFold(t.text, w) {
			return tokens
		}
	}
	return tokens[:from]
}

// withoutDatabase makes database.schema.x schema.x, and database..x x.
func withoutDatabase(tokens []token, database string) []token {
	kept := make([]token, 0, len(tokens))
	for i := 0; i < len(tokens); i++ {
		starts := isName(tokens[i]) && (i == 0 || tokens[i-1].text != ".") && Fold(unquoted(tokens[i])) == database
		switch {
		case starts && dotted(tokens[i+1:]) && tokens[i+2].text == ".":
			i += 2
		case starts && dotted(tokens[i+1:]) && dotted(tokens[i+3:]):
			i++
		default:
			kept = append(kept, tokens[i])
		}
	}
	return kept
}

func isName(t token) bool { return t.kind == word || t.kind == name }

// dotted reports whether a dot and one more token follow.
func dotted(rest []token) bool { return len(rest) > 1 && rest[0].text == "." }

// unquoted returns the name that a token stands for.
func unquoted(t token) string {
	if t.kind != name || len(t.text) < 2 {
		return t.text
	}
	end := t.text[len(t.text)-1:]
	return strings.ReplaceAll(t.text[1:len(t.text)-1], end+end, end)
}
