// Package sqlguardtest reads the guards' corpora: files of statements
// separated by lines that hold only %%.
package sqlguardtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

// separator stands on a line of its own between two statements. It is no
// token of any dialect in that position, so a statement never needs it.
const separator = "%%"

// Case is one statement of a corpus file.
type Case struct {
	Name string // file name and position, for t.Run
	SQL  string
}

// Load reads testdata/<dialect>/<file> of the sqlguard package. It works from
// every package directly below sqlguard.
func Load(t testing.TB, dialect, file string) []Case {
	t.Helper()
	var cases []Case
	for i, sql := range Split(Text(t, dialect, file)) {
		cases = append(cases, Case{Name: caseName(file, i+1, sql), SQL: sql})
	}
	if len(cases) == 0 {
		t.Fatalf("corpus %s/%s is empty", dialect, file)
	}
	return cases
}

// Text reads testdata/<dialect>/<file> whole: a fixture, for example.
func Text(t testing.TB, dialect, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", dialect, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Split cuts a corpus file into its statements. Each loses the line break
// before the separator and nothing else.
func Split(text string) []string {
	var statements []string
	var lines []string
	flush := func() {
		if sql := strings.Join(lines, "\n"); strings.TrimSpace(sql) != "" {
			statements = append(statements, sql)
		}
		lines = nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line == separator {
			flush()
			continue
		}
		lines = append(lines, line)
	}
	flush()
	return statements
}

// MustRefuse fails the test unless guard refuses every case with a reason of
// contract 6.5. It returns the refusals in the order of cases.
func MustRefuse(t *testing.T, guard sqlguard.Guard, cases []Case) []error {
	t.Helper()
	refusals := make([]error, len(cases))
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err == nil {
				t.Fatalf("accepted, would run %q\ninput: %s", stmt.SQL, c.SQL)
			}
			if !IsReason(err) {
				t.Fatalf("refused with %q, which is no reason of contract 6.5\ninput: %s", err, c.SQL)
			}
			refusals[i] = err
		})
	}
	return refusals
}

// MustAccept fails the test unless guard accepts every case and accepts its
// own output unchanged. It returns the verdicts in the order of cases.
func MustAccept(t *testing.T, guard sqlguard.Guard, cases []Case) []*sqlguard.Statement {
	t.Helper()
	verdicts := make([]*sqlguard.Statement, len(cases))
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err != nil {
				t.Fatalf("refused: %v\ninput: %s", err, c.SQL)
			}
			again, err := guard.Check(stmt.SQL)
			if err != nil {
				t.Fatalf("own output refused: %v\noutput: %s", err, stmt.SQL)
			}
			if again.SQL != stmt.SQL {
				t.Fatalf("output is not stable:\n%s\n%s", stmt.SQL, again.SQL)
			}
			verdicts[i] = stmt
		})
	}
	return verdicts
}

// reasons returns the beginnings of the refusals that contract 6.5 lists.
func reasons() []string {
	return []string{
		"Generated SQL failed to parse: ",
		"Generated SQL is empty after parsing",
		"Non-SELECT statement in generated SQL: ",
		"Forbidden operation in SQL AST: ",
		"Multiple statements are not allowed",
		"Function not allowed: ",
		"Statement too expensive: ",
	}
}

// IsReason reports whether err is an Invalid fault with one of the reasons of
// contract 6.5.
func IsReason(err error) bool {
	if !fault.Is(err, fault.Invalid) {
		return false
	}
	public := fault.Of(err).Public
	for _, reason := range reasons() {
		if strings.HasPrefix(public, reason) {
			return true
		}
	}
	return false
}

// caseName is short enough to read in a test log and unique by its number.
func caseName(file string, number int, sql string) string {
	const width = 40
	short := strings.Join(strings.Fields(sql), "_")
	if runes := []rune(short); len(runes) > width {
		short = string(runes[:width])
	}
	short = strings.ReplaceAll(short, "/", "|")
	return fmt.Sprintf("%s_%03d_%s", strings.TrimSuffix(file, filepath.Ext(file)), number, short)
}

// MustFindExpensive fails the test unless guard refuses every case because of
// what it would cost.
func MustFindExpensive(t *testing.T, guard sqlguard.Guard, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			stmt, err := guard.Check(c.SQL)
			if err == nil {
				t.Fatalf("accepted, would run %q", stmt.SQL)
			}
			if public := fault.Of(err).Public; !strings.HasPrefix(public, "Statement too expensive: ") {
				t.Errorf("refused with %q\n%s", public, c.SQL)
			}
		})
	}
}

// Doubling is a statement with n WITH queries of which each refers to the one
// before in a FROM clause that holds %d twice.
func Doubling(n int, how, from string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "WITH c0 AS %s (SELECT 1 AS x)", how)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, ", c%d AS %s (SELECT 1 AS x "+from+")", i, how, i-1, i-1)
	}
	fmt.Fprintf(&b, " SELECT count(*) FROM c%d", n)
	return b.String()
}
