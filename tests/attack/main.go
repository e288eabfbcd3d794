// Command attack tries to get things out of a running gateway and to bring it
// down: `make attack`. It starts bin/mcp-gateway beside real servers, goes
// through a list of attempts by the public doors, and prints a table of every
// kind with its attempts and verdicts. It ends with status 1 when one attempt
// succeeded. It needs the servers of scripts/with-servers.
//
// The load is bounded: loopback only, at most 16 calls at once, every attempt
// under a time limit, and a gateway that grows beyond a bound is stopped.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/runes"
)

// attempt is one try. It reports the answer that it got and whether the
// gateway held.
type attempt struct {
	kind string // the row of the table
	name string
	run  func(ctx context.Context, r *rig) (answer string, held bool)
}

// outcome is an attempt that was made.
type outcome struct {
	attempt
	answer string
	held   bool
	took   time.Duration
}

// attemptTime ends an attempt that hangs.
const attemptTime = 90 * time.Second

func main() {
	if slices.Equal(os.Args[1:], []string{"serve"}) {
		serveTools()
		return
	}
	program := flag.String("program", "bin/mcp-gateway", "the gateway to attack")
	only := flag.String("only", "", "make only the attempts of kinds that begin with one of these, separated by commas")
	table := flag.String("table", "bin/attack.tsv", "file for the table of all attempts")
	flag.Parse()
	broken, err := attack(context.Background(), *program, *only, *table)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	case broken > 0:
		os.Exit(1)
	}
}

// attack makes all attempts and returns how many succeeded.
func attack(ctx context.Context, program, only, table string) (broken int, err error) {
	r, err := newRig(ctx, program)
	if err != nil {
		return 0, err
	}
	defer r.close()
	var outcomes []outcome
	for _, list := range kinds() {
		if !chosen(only, list.kind) {
			continue
		}
		attempts, err := list.prepare(ctx, r)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", list.kind, err)
		}
		for _, a := range attempts {
			a.kind = list.kind
			o := r.try(ctx, a)
			outcomes = append(outcomes, o)
			if !o.held {
				broken++
				fmt.Printf("BROKEN  %s: %s\n        %s\n", o.kind, o.name, shorten(o.answer, 300))
			}
		}
		if err := r.cleanUp(ctx); err != nil {
			return 0, fmt.Errorf("%s: clean up: %w", list.kind, err)
		}
	}
	printSummary(outcomes)
	return broken, writeTable(table, outcomes)
}

// chosen reports whether a kind begins with one of the texts, or there are
// none.
func chosen(only, kind string) bool {
	return only == "" || slices.ContainsFunc(strings.Split(only, ","), func(text string) bool { return strings.HasPrefix(kind, text) })
}

// list is one kind of attack. prepare makes its fixtures and returns its
// attempts.
type list struct {
	kind    string
	prepare func(ctx context.Context, r *rig) ([]attempt, error)
}

// kinds lists all attacks.
func kinds() []list {
	return []list{
		{"statements: PostgreSQL", postgresCorpus},
		{"statements: MariaDB", mariaDBCorpus},
		{"statements: MySQL", mySQLCorpus},
		{"statements: SQLite", sqliteCorpus},
		{"memory by arguments", memoryByArguments},
		{"tools of its own", ownTools},
		{"memory and disk by SQLite", memoryBySQLite},
		{"damaged SQLite files", damagedSQLite},
		{"hostile write-ahead logs", hostileWAL},
		{"stored code: PostgreSQL", storedCodePostgres},
		{"stored code: MariaDB and MySQL", storedCodeMySQL},
		{"locks left behind", locksLeftBehind},
		{"domains", domains},
		{"small and expensive", smallAndExpensive},
		{"work that outlives its call", outlivingWork},
		{"around the lists", aroundTheLists},
		{"powerful logins", powerfulLogins},
		{"pooler", behindPooler},
		{"TLS that is none", switchedTLS},
		{"API keys", apiKeys},
		{"other tenants, wrong roles", wrongCallers},
		{"silent connections", silence},
		{"streams", manyStreams},
		{"slow readers", slowlyRead},
		{"several instances", severalInstances},
		{"audit log", auditLog},
	}
}

// try makes one attempt. A gateway that does not answer afterwards has not
// held, and is started again.
func (r *rig) try(ctx context.Context, a attempt) outcome {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	began := time.Now()
	o := outcome{attempt: a}
	o.answer, o.held = a.run(ctx, r)
	o.took = time.Since(began)
	if err := r.alive(context.WithoutCancel(ctx)); err != nil {
		o.held = false
		o.answer += "; the gateway does not answer any more: " + err.Error()
		if err := r.restart(context.WithoutCancel(ctx)); err != nil {
			o.answer += "; nor does it start again: " + err.Error()
		}
	}
	return o
}

func printSummary(outcomes []outcome) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nkind\tattempts\theld\tbroken\tseconds")
	var total [2]int
	for _, list := range kinds() {
		var held, broken int
		var took time.Duration
		for _, o := range outcomes {
			switch {
			case o.kind != list.kind:
				continue
			case o.held:
				held++
			default:
				broken++
			}
			took += o.took
		}
		if held+broken > 0 {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.1f\n", list.kind, held+broken, held, broken, took.Seconds())
		}
		total[0] += held
		total[1] += broken
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t\n", total[0]+total[1], total[0], total[1])
	w.Flush()
}

// writeTable writes every attempt, its answer and its verdict.
func writeTable(path string, outcomes []outcome) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "kind\tattempt\tverdict\tms\tanswer")
	for _, o := range outcomes {
		verdict := "held"
		if !o.held {
			verdict = "BROKEN"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", o.kind, shorten(o.name, 200), verdict, o.took.Milliseconds(), shorten(o.answer, 300))
	}
	return w.Flush()
}

// shorten returns the first n characters of s on one line.
func shorten(s string, n int) string {
	return runes.Shorten(strings.Join(strings.Fields(s), " "), n)
}
