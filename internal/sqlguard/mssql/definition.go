package mssql

import (
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// ViewQuery returns the query of a view from its definition, as
// sys.sql_modules keeps it: CREATE VIEW x (…) WITH … AS query WITH CHECK OPTION.
// What it returns is the canonical text of the query, not judged yet.
func ViewQuery(definition string) (string, error) {
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
			return join(withoutCheckOption(tokens[i+1:])), nil
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
