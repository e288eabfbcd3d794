package postgres

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

// TestReadTree reads what stored trees look like, names that imitate them too.
func TestReadTree(t *testing.T) {
	for tree, want := range map[string]references{
		"": {},
		"{FUNCEXPR :funcid 16400 :funcresulttype 23 :args ({CONST :consttype 23 :constvalue 4 [ 42 0 0 0 0 0 0 0 ]}) :location 16500}": {
			functions: []uint32{16400}, types: []uint32{23},
		},
		"{OPEXPR :opno 96 :opfuncid 0 :opresulttype 16}{ROWCOMPAREEXPR :opnos (o 97 98)}": {operators: []uint32{96, 97, 98}, types: []uint32{16}},
		"({QUERY :commandType 1 :rtable ({RANGETBLENTRY :alias {ALIAS :aliasname x :colnames <>} :relid 16401 :relkind r :tablesample {TABLESAMPLECLAUSE :tsmhandler 3313}})})": {
			relations: []uint32{16401}, functions: []uint32{3313},
		},
		"{QUERY :commandType 4}": {writes: true},
		`{ALIAS :aliasname :funcid\ 7 :colnames ("a\ :funcid\ 7" ":funcid" "\{\ :relid\ 5\ \}")}`: {},
		`{RESTARGET :resname :funcid :ressortgroupref 7}`:                                         {},
		`{A :name \7 :funcid x :aggfnoid 2100 :aggargtypes (o 16402)}`:                            {functions: []uint32{2100}, types: []uint32{16402}},
		"{TABLEFUNC :coltypes (o 16403 23) :coltypmods (i -1 -1)}":                                {types: []uint32{23, 16403}},
		"{X :funcid 99999999999 :relid":                                                           {},
	} {
		if diff := cmp.Diff(want, readTree(tree), cmp.AllowUnexported(references{})); diff != "" {
			t.Errorf("%s: %s", tree, diff)
		}
	}
}

func TestReadConstants(t *testing.T) {
	for tree, want := range map[string][]uint32{
		"{FUNCEXPR :funcid 1 :args ({CONST :constvalue 4 [ 1 ]})}":                                      {1},
		"{FUNCEXPR :funcid 1 :args ({VAR :varno 1})}":                                                   nil,
		"{FUNCEXPR :funcid 1 :args ({VAR :varno 1} {FUNCEXPR :funcid 2 :args <>})}":                     {2},
		"({FUNCEXPR :funcid 1 :args ({VAR :varno 1})} {FUNCEXPR :funcid 2 :args ({CONST})})":            {2},
		"{FUNCEXPR :funcid 1 :args ({NAMEDARGEXPR :name VAR :arg {CONST}})}":                            {1},
		`{FUNCEXPR :funcid 1 :args ({NAMEDARGEXPR :name \{VAR :arg {CONST}})}`:                          {1},
		`{FUNCEXPR :funcid 1 :args ({NAMEDARGEXPR :arg {CONST} :name a\\})} {FUNCEXPR :funcid 2 :args}`: {1, 2},
		"}}{FUNCEXPR :funcid 1}": {1},
	} {
		got := readConstants(tree).functions
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tree, diff)
		}
	}
}

// BenchmarkJudge is what each statement pays once the catalogue is read.
func BenchmarkJudge(b *testing.B) {
	g := newGraph(nil)
	for i := range 700 {
		row := fmt.Sprintf(`{"schema":"public","name":"t%d","visible":true}`, i)
		if err := g.addRow([][]byte{[]byte("relation"), fmt.Append(nil, 20000+i), []byte("0"), []byte(row)}); err != nil {
			b.Fatal(err)
		}
	}
	c := &conn{stored: database.NewCached[storedCode](time.Now)}
	read := func(context.Context) (*storedCode, error) {
		return &storedCode{objects: guard.NewObjects(nil), closure: g.closure()}, nil
	}
	if _, err := c.stored.Get(b.Context(), database.CatalogueLife, read); err != nil {
		b.Fatal(err)
	}
	stmt := &sqlguard.Statement{Tables: []string{"t7"}, Implied: sqlguard.Implied{Operators: []string{"="}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.judge(b.Context(), stmt); err != nil {
			b.Fatal(err)
		}
	}
}
