// Command bench prints the performance table of `make bench`: the gateway
// beside a bare handler on the same PostgreSQL, in turn, medians and ratios.
// It needs bin/mcp-gateway and MCPGW_TEST_POSTGRES (scripts/with-servers).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	floor := flag.String("floor", "", "serve the bare handler on this address (used by the program itself)")
	rounds := flag.Int("rounds", 5, "counted rounds of each pair")
	length := flag.Duration("length", 2*time.Second, "length of one run")
	only := flag.String("only", "", "measure only this: start, lookup, rows, tools, schema, streams")
	flag.Parse()
	var err error
	if *floor != "" {
		err = serveFloor(*floor, os.Getenv("FLOOR_DATABASE_URL"))
	} else {
		err = bench(context.Background(), *only, *rounds, *length)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, only string, rounds int, length time.Duration) error {
	fmt.Printf("machine: %d cores, %s, %s\n\n", runtime.NumCPU(), runtime.GOARCH, runtime.Version())
	rig, err := newRig(ctx)
	if err != nil {
		return err
	}
	defer rig.close()
	for _, m := range []struct {
		name    string
		measure func(context.Context, int, time.Duration) error
	}{
		{"start", rig.startUp}, {"lookup", rig.lookup}, {"rows", rig.thousandRows}, {"tools", rig.manyTools}, {"schema", rig.bigSchema}, {"streams", rig.streams},
	} {
		if only != "" && only != m.name {
			continue
		}
		if err := m.measure(ctx, rounds, length); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}
