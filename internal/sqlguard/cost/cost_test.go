package cost_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard/cost"
)

func number(n float64) cost.Expr { return cost.Expr{Kind: cost.Number, Number: n} }

func text(s string) cost.Expr { return cost.Expr{Kind: cost.Text, Name: s} }

func call(name string, args ...cost.Expr) cost.Expr {
	return cost.Expr{Kind: cost.Call, Name: name, Args: args}
}

func selecting(e cost.Expr) *cost.Query { return &cost.Query{Outputs: []cost.Output{{Expr: e}}} }

// TestRefusalsSayWhat holds each text, with the function that it is about.
func TestRefusalsSayWhat(t *testing.T) {
	long := call("repeat", text("x"), number(1e6))
	tests := map[string]struct {
		query *cost.Query
		want  string
	}{
		"value":  {selecting(call("repeat", text("x"), number(9e6))), "the result of repeat could be longer than 8 MB"},
		"length": {selecting(call("lpad", text("x"), call("hashtext", text("x")))), "how long the result of lpad is cannot be told"},
		"work":   {selecting(call("strpos", long, long)), "strpos works on long values"},
		"gathered": {&cost.Query{
			From:    []cost.Source{{Table: "t"}},
			Outputs: []cost.Output{{Expr: call("array_agg", long)}},
		}, "array_agg could gather more than 64 MB"},
		"sets":   {&cost.Query{Sets: 513}, "more than 512 grouping sets"},
		"joined": {&cost.Query{From: make([]cost.Source, 65)}, "joins more than 64 relations"},
		"series": {&cost.Query{From: []cost.Source{{Calls: []cost.Expr{call("generate_series", number(1), number(1e9))}}}},
			"more than 10,000,000 rows out of constants"},
		"made": {&cost.Query{Exprs: []cost.Expr{
			call("=", long, long, long), call("repeat", long, number(8)), call("repeat", long, number(8)), call("repeat", long, number(8)),
			call("repeat", long, number(8)), call("repeat", long, number(8)), call("repeat", long, number(8)), call("repeat", long, number(8)),
			call("repeat", long, number(8)),
		}}, "could be longer than 64 MB together"},
		"path": {selecting(call("xpath", cost.Expr{Kind: cost.Column, Name: "p"}, text("<a/>"))), "is not a constant"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := cost.Check(tt.query)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestBoundsAreInclusive makes sure that a value of the bound's own length passes.
func TestBoundsAreInclusive(t *testing.T) {
	for length, refused := range map[float64]bool{8 << 20: false, 8<<20 + 1: true} {
		if err := cost.Check(selecting(call("repeat", text("x"), number(length)))); (err != nil) != refused {
			t.Errorf("repeat of %.0f: %v", length, err)
		}
	}
}

// TestSharedQueriesAreMeasuredOnce has a chain whose expansion is 2^10,000.
func TestSharedQueriesAreMeasuredOnce(t *testing.T) {
	q := &cost.Query{}
	for i := range 10_000 {
		from := []cost.Source{{Table: fmt.Sprint("c", i-1)}, {Table: fmt.Sprint("c", i-1)}}
		q.With = append(q.With, cost.With{Name: fmt.Sprint("c", i), Query: &cost.Query{From: from}, Inlined: true})
	}
	if err := cost.Check(q); err == nil {
		t.Error("accepted")
	}
}
