package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated files")

func TestReferenceIsCurrent(t *testing.T) {
	var b strings.Builder
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "configuration.md")
	if *update {
		mustWriteShared(t, file, b.String())
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.String(), string(have)); d != "" {
		t.Errorf("docs/configuration.md is stale, run with -update:\n%s", d)
	}
}

func mustWriteShared(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTableIsWellFormed(t *testing.T) {
	seen := make(map[string]bool)
	for _, o := range options(new(Config)) {
		if seen[o.name] || o.name == "" || o.meaning == "" || o.value == nil {
			t.Errorf("row %q is incomplete or repeated", o.name)
		}
		seen[o.name] = true
		if o.def != "" {
			if err := o.value.Set(o.def); err != nil {
				t.Errorf("%s: the default is refused: %v", o.name, err)
			}
		}
	}
}
