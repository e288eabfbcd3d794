package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

const clients = 16

// startUp measures a gateway that has nothing to do: the time from its start
// to the first answer, and its memory after a minute's worth of idling is
// brought forward by waiting two seconds.
func (r *rig) startUp(ctx context.Context, rounds int, _ time.Duration) error {
	var took []time.Duration
	var idle, file int64
	for i := range rounds {
		begin := time.Now()
		p, err := process.StartGateway(ctx, "bin/mcp-gateway", filepath.Join(r.folder, fmt.Sprint("start", i%2)), nil)
		took = append(took, time.Since(begin))
		if err == nil {
			time.Sleep(2 * time.Second)
			idle, err = p.Memory("VmRSS")
		}
		if err == nil {
			file, err = p.Memory("RssFile")
		}
		p.Stop()
		if err != nil {
			return err
		}
	}
	slices.Sort(took)
	row("start to first answer", "%v median, %v most (goal: 300ms)", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	row("idle memory (RSS)", "%.1f MB (goal: 40 MB), of which %.1f MB is the program file", float64(idle)/1e6, float64(file)/1e6)
	return nil
}

func (r *rig) lookup(ctx context.Context, rounds int, d time.Duration) error {
	gw, err := r.call(r.tool, map[string]any{"sql": "SELECT id, name, email, country, balance, created_at FROM people WHERE id = 4711"}, "person4711@example.com")
	if err != nil {
		return err
	}
	floor, err := r.floorGet("/one?id=4711", "person4711@example.com")
	if err != nil {
		return err
	}
	a, b, ratio, err := pair(ctx, gw, floor, clients, rounds, d)
	if err != nil {
		return err
	}
	row("primary-key lookup, 16 clients", "%.0f /s (p50 %v, p99 %v); floor %.0f /s (p50 %v); ratio %.2f (goal: 0.70)",
		a.perSecond, a.p50.Round(10*time.Microsecond), a.p99.Round(10*time.Microsecond), b.perSecond, b.p50.Round(10*time.Microsecond), ratio)
	row("  CPU of the server per lookup", "%v; floor %v", a.cpu.Round(time.Microsecond), b.cpu.Round(time.Microsecond))
	return nil
}

func (r *rig) thousandRows(ctx context.Context, rounds int, d time.Duration) error {
	for _, n := range []int{1000, 10000} {
		gw, err := r.call(r.tool, map[string]any{"sql": fmt.Sprintf("SELECT id, name, email, country, balance, created_at FROM people ORDER BY id LIMIT %d", n)}, "person1@example.com")
		if err != nil {
			return err
		}
		floor, err := r.floorGet(fmt.Sprintf("/rows?n=%d", n), "person1@example.com")
		if err != nil {
			return err
		}
		a, b, ratio, err := pair(ctx, gw, floor, clients, rounds, d)
		if err != nil {
			return err
		}
		row(fmt.Sprintf("%d-row result, 16 clients", n), "%.0f rows/s; floor %.0f rows/s; ratio %.2f (goal: 0.80)", a.perSecond*float64(n), b.perSecond*float64(n), ratio)
	}
	return r.byteCut(ctx, d)
}

// byteCut measures the memory of 16 calls at once whose results are all cut
// at 10 MiB, in a gateway of their own.
func (r *rig) byteCut(ctx context.Context, d time.Duration) error {
	p, err := process.StartGateway(ctx, "bin/mcp-gateway", filepath.Join(r.folder, "cut"), nil)
	if err != nil {
		return err
	}
	defer p.Stop()
	own := &rig{gateway: p, target: r.target}
	if err := own.register(ctx); err != nil {
		return err
	}
	before, err := p.Memory("VmRSS")
	if err != nil {
		return err
	}
	big, err := own.call(own.tool, map[string]any{"sql": "SELECT a.id, a.email, repeat('x', 2000) AS filler FROM people a"}, "person")
	if err != nil {
		return err
	}
	if _, err := load(ctx, big, clients, d); err != nil {
		return err
	}
	peak, err := p.Memory("VmHWM")
	if err != nil {
		return err
	}
	row("16 calls at once, each cut at 10 MiB", "memory grows by %.0f MB, %.1f MB per call (goal: 21 MB)", float64(peak-before)/1e6, float64(peak-before)/clients/1e6)
	return nil
}

// manyTools measures tools/list with 200 tools on one core: 99 connections
// and the built-in tools.
func (r *rig) manyTools(ctx context.Context, rounds int, d time.Duration) error {
	p, err := process.StartGateway(ctx, "bin/mcp-gateway", filepath.Join(r.folder, "tools"), []string{"GOMAXPROCS=1"})
	if err != nil {
		return err
	}
	many := &rig{gateway: p, target: r.target}
	defer p.Stop()
	if err := many.register(ctx); err != nil {
		return err
	}
	for i := range 98 {
		if _, err := many.api.CreateConnection(ctx, client.NewConnection{Name: fmt.Sprintf("database %d", i), Type: "postgres", String: r.target, AllowPowerfulLogin: true}); err != nil {
			return err
		}
	}
	list, err := many.rpc("tools/list", "", map[string]any{}, `"tools"`)
	if err != nil {
		return err
	}
	var runs []run
	for range rounds {
		one, err := load(ctx, list, 8, d)
		if err != nil {
			return err
		}
		runs = append(runs, one)
	}
	row("tools/list, 200 tools, one core", "%.0f /s (goal: 3000)", median(runs).perSecond)
	return nil
}

func (r *rig) bigSchema(ctx context.Context, rounds int, d time.Duration) error {
	caller := (&client.Client{Base: r.gateway.Base}).As(r.key)
	begin := time.Now()
	if _, err := caller.CallTool(ctx, slug, r.schema, map[string]any{}); err != nil {
		return err
	}
	first := time.Since(begin)
	cached, err := r.call(r.schema, map[string]any{"tables": []string{"people"}}, "people")
	if err != nil {
		return err
	}
	again, err := load(ctx, cached, 1, d)
	if err != nil {
		return err
	}
	row("schema of 501 tables", "%v first (goal: 1s), %v cached, one table (goal: 1ms)", first.Round(time.Millisecond), again.p50.Round(10*time.Microsecond))
	return nil
}

func row(name, format string, args ...any) {
	fmt.Printf("%-34s %s\n", name, fmt.Sprintf(format, args...))
}
