package cost_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
)

// TestAnyNumberOfArguments: a statement may call what cost knows with any
// arguments; whether a function takes them is for the engine to say.
func TestAnyNumberOfArguments(t *testing.T) {
	quoted := regexp.MustCompile(`"([^"\s]+)"`)
	names := 0
	for _, file := range []string{"functions.go", "formulas.go", "expr.go", "measure.go", "xpath.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range quoted.FindAllStringSubmatch(string(source), -1) {
			names++
			for _, argument := range []cost.Expr{text("%s"), number(3), {Kind: cost.Column, Name: "c"}, {Kind: cost.Scalar}, {}} {
				for n := range 5 {
					args := make([]cost.Expr, n)
					for i := range args {
						args[i] = argument
					}
					// A panic is the failure; any verdict will do.
					_ = cost.Check(selecting(call(match[1], args...)))
					_ = cost.Check(&cost.Query{From: []cost.Source{{Calls: []cost.Expr{call(match[1], args...)}}}})
				}
			}
		}
	}
	if names < 100 {
		t.Errorf("%d names only", names)
	}
}
