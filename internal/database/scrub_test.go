package database_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

func TestScrub(t *testing.T) {
	u := database.ConnURL{Host: "db.internal", Password: "hunter22"}
	own := database.ScrubRule{Pattern: regexp.MustCompile(`share \S+`), With: "share <name>"}
	for text, want := range map[string]string{
		`see that://u:p@h/db?x=y for more`:     `see <url> for more`,
		`no answer from 10.1.2.3 port 1`:       `no answer from <address> port 1`,
		`10.1.2.3:5432, 10.1.2.4,1433`:         `<address>, <address>`,
		`version 10.1.2 is 4.5`:                `version 10.1.2 is 4.5`,
		`"/var/lib/db/base/1" is gone`:         `"<path>" is gone`,
		`file './shop/a.ibd' (path=/a/b)`:      `file '<path>' (path=<path>)`,
		`/mnt/10.1.2.3/a is gone`:              `<path> is gone`,
		`cannot divide 1 /2, a/b or "and/or"`:  `cannot divide 1 /2, a/b or "and/or"`,
		`date "2026/13/45"`:                    `date "2026/13/45"`,
		`hunter22 does not open db.internal`:   `<hidden> does not open <hidden>`,
		`share 10.1.2.3/a/b is closed`:         `share <name> is closed`, // own rules come first
		`share that://u:p@h is not a share of`: `share <name> is not a share <name>`,
	} {
		if got := u.Scrub(text, own); got != want {
			t.Errorf("Scrub(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestScrubKeepsWords: a short password is part of too many words to be hidden.
func TestScrubKeepsWords(t *testing.T) {
	u := database.ConnURL{Host: "a", Password: "col"}
	const text = `column "a" does not exist`
	if got := u.Scrub(text); got != text {
		t.Errorf("got %q", got)
	}
}

func TestClipMessage(t *testing.T) {
	for _, short := range []string{"", "syntax error", strings.Repeat("x", 2000)} {
		if got := database.ClipMessage(short); got != short {
			t.Errorf("%d bytes became %q", len(short), got)
		}
	}
	got := database.ClipMessage("x" + strings.Repeat("é", 1000))
	if got != "x"+strings.Repeat("é", 999)+"…" || !utf8.ValidString(got) {
		t.Errorf("clipped to %d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}
