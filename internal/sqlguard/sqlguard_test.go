package sqlguard

import (
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func TestPrecheck(t *testing.T) {
	tests := map[string]struct {
		sql  string
		want string // part of the refusal, empty when accepted
	}{
		"plain":                    {"SELECT 1", ""},
		"empty":                    {"", ""},
		"white space":              {"\tSELECT\r\n1\f", ""},
		"other scripts":            {"SELECT 'größe', '数'", ""},
		"at the limit":             {strings.Repeat("x", MaxChars), ""},
		"characters, not bytes":    {strings.Repeat("ä", MaxChars), ""},
		"over the limit":           {strings.Repeat("x", MaxChars+1), "longer than 100000 characters"},
		"a megabyte":               {strings.Repeat("SELECT 1 ", 1<<17), "longer than"},
		"half a character":         {"SELECT '\xc3'", "not valid UTF-8"},
		"surrogate":                {"SELECT '\xed\xa0\x80'", "not valid UTF-8"},
		"NUL":                      {"SELECT 1\x00; DELETE", "U+0000 at byte 8"},
		"backspace":                {"SELECT \b1", "U+0008"},
		"vertical tab":             {"SELECT\v1", "U+000B"},
		"delete":                   {"SELECT \x7f1", "U+007F"},
		"no-break space is no bad": {"SELECT '\u00a0'", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := Precheck(tt.sql)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}
