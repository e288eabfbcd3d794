package tool

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendStringGolden(t *testing.T) {
	for in, want := range map[string]string{
		"":                     `""`,
		"plain é 日本 😀":         `"plain é 日本 😀"`,
		"\"\\\n\r\t":           `"\"\\\n\r\t"`,
		"\x00\x1f\x7f\b\f":     "\"\\u0000\\u001f\x7f\\u0008\\u000c\"",
		"a\xffb":               "\"a\uFFFDb\"",
		"<a href='x'>&</a>":    `"<a href='x'>&</a>"`,
		"line\u2028sep\u2029.": "\"line\u2028sep\u2029.\"",
	} {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := string(AppendString([]byte("x:"), "y")); got != `x:"y"` {
		t.Errorf("got %s", got)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "a\"b", "\xff\xfe", "\u2028", "\x00\x7f", "\ud7ff\ue000", "😀"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := AppendString(nil, s)
		var got string
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatalf("%q: %v in %s", s, err, encoded)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); got != want {
			t.Errorf("%q came back as %q", s, got)
		}
		if utf8.ValidString(s) && got != reference(t, s) {
			t.Errorf("%q: encoding/json disagrees", s)
		}
		if !utf8.Valid(encoded) {
			t.Errorf("%q: %q is not UTF-8", s, encoded)
		}
	})
}

// reference sends s through encoding/json.
func reference(t *testing.T, s string) (back string) {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(s); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	return back
}
