package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

const (
	toolMB    = 8                // of the large result
	toolSleep = 20 * time.Second // longer than its callers wait
)

type anything = map[string]any

// serveTools makes this program a gateway with tools of its own that behave as
// badly as a tool can.
func serveTools() {
	named := func(name string, run func(context.Context, anything) (*tool.Result, error)) tool.Tool {
		return tool.Func(name, "Behaves badly", identity.Viewer, func(ctx context.Context, _ tool.Env, in anything) (*tool.Result, error) { return run(ctx, in) })
	}
	gateway.Main(gateway.WithTools(
		named("attack_echo", func(_ context.Context, in anything) (*tool.Result, error) { return tool.JSON(in) }),
		named("attack_panic", func(context.Context, anything) (*tool.Result, error) { panic(secret) }),
		named("attack_error", func(context.Context, anything) (*tool.Result, error) { return nil, fmt.Errorf("dial %s", secret) }),
		named("attack_nothing", func(context.Context, anything) (*tool.Result, error) { return nil, nil }),
		named("attack_large", func(context.Context, anything) (*tool.Result, error) {
			return tool.Text(strings.Repeat("x", toolMB<<20)), nil
		}),
		named("attack_deaf", func(context.Context, anything) (*tool.Result, error) {
			time.Sleep(toolSleep) // it does not look whether anybody waits
			return tool.Text("late"), nil
		}),
	))
}

// ownTools attacks such a gateway.
func ownTools(ctx context.Context, r *rig) ([]attempt, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := process.StartGateway(ctx, program, filepath.Join(r.folder, "tools"), nil)
	if err != nil {
		return nil, err
	}
	r.onCleanUp(func(context.Context) error {
		p.Kill()
		return nil
	})
	admin, err := newOrganisation(ctx, &client.Client{Base: p.Base}, "Tools", slug)
	if err != nil {
		return nil, err
	}
	with := &rig{gateway: p, admin: admin}
	if with.viewer, err = with.newPerson(ctx, "viewer"); err != nil {
		return nil, err
	}
	all := []attempt{{name: "8 calls of a tool that does not hear, hung up at once", run: func(ctx context.Context, _ *rig) (string, bool) {
		return with.whileBusy(ctx, 8, "attack_deaf")
	}}}
	for _, name := range []string{"attack_panic", "attack_error", "attack_nothing"} {
		all = append(all, attempt{name: name, run: func(ctx context.Context, _ *rig) (string, bool) {
			result, err := with.viewer.CallTool(ctx, slug, name, anything{})
			answer := fmt.Sprint(result.Text(), err)
			return answer, !strings.Contains(answer, secret) && with.alive(ctx) == nil
		}})
	}
	for _, b := range bodies()[:10] {
		text := []byte(strings.ReplaceAll(string(b.of(largeBody)), "get_current_time", "attack_echo"))
		all = append(all, attempt{name: b.name + ", 15 MB, 4 calls at once of a tool that takes anything", run: func(ctx context.Context, _ *rig) (string, bool) {
			return with.flood(ctx, with.viewer, "/t/"+slug+"/mcp", text, "attack_echo", 4)
		}})
	}
	return append(all, attempt{name: fmt.Sprintf("a result of %d MB, 8 at once", toolMB), run: func(ctx context.Context, _ *rig) (string, bool) {
		return with.watchMemory(ctx, 8*4*toolMB<<20+growthAllowed, func(ctx context.Context) string { return with.whileCalling(ctx, 8, "attack_large") })
	}}), nil
}

// whileBusy hangs up on calls and looks whether another user is served.
func (r *rig) whileBusy(ctx context.Context, calls int, name string) (string, bool) {
	short, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	r.whileCalling(short, calls, name)
	result, err := r.admin.CallTool(ctx, slug, "get_current_time", anything{})
	return fmt.Sprint("another user meanwhile: ", result.Text(), " ", err), err == nil && !result.IsError
}

// whileCalling calls a tool several times at once and returns the answers.
func (r *rig) whileCalling(ctx context.Context, calls int, name string) string {
	answers := make([]string, calls)
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			result, err := r.viewer.CallTool(ctx, slug, name, anything{})
			answers[i] = shorten(fmt.Sprint(len(result.Text()), " bytes ", err), 60)
		})
	}
	all.Wait()
	return strings.Join(answers, ", ")
}
