package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

const (
	filesAllowed      = 512 // of the gateway under this attack
	silentConnections = 3000
	siegePatience     = 5 * time.Second // half of what a silent connection lives
)

// silence opens connections to a gateway that may open few files. The strangers
// behind them have no account and say nothing, or the beginning of a request.
func silence(ctx context.Context, r *rig) ([]attempt, error) {
	path, err := r.sqliteFile(ctx, "besieged.db", "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('served')")
	if err != nil {
		return nil, err
	}
	script := filepath.Join(r.folder, "few-files")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec %s \"$@\"\n", filesAllowed, r.program)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		return nil, err
	}
	p, err := process.StartGateway(ctx, script, filepath.Join(r.folder, "besieged"), r.env)
	if err != nil {
		return nil, err
	}
	r.onCleanUp(func(context.Context) error {
		p.Stop()
		return nil
	})
	admin, err := newOrganisation(ctx, &client.Client{Base: p.Base}, "Besieged", slug)
	if err != nil {
		return nil, err
	}
	with := &rig{gateway: p, admin: admin, analyst: admin}
	tool, _, err := with.connection(ctx, "besieged", "sqlite", "sqlite:///"+path, false)
	if err != nil {
		return nil, err
	}
	var all []attempt
	for _, hello := range []string{
		"", "GET /health HTTP/1.1\r\nHost:",
		"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
		"GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		all = append(all, attempt{name: fmt.Sprintf("%d connections that say %q and no more", silentConnections, hello), run: func(ctx context.Context, _ *rig) (string, bool) {
			return with.besiege(ctx, hello, tool)
		}})
	}
	return all, nil
}

// besiege opens connections, keeps them, and looks whether a statement that
// needs a new connection and a new worker is answered.
func (r *rig) besiege(ctx context.Context, hello, tool string) (string, bool) {
	u, err := url.Parse(r.gateway.Base)
	if err != nil {
		return err.Error(), false
	}
	served := ""
	answer, held := r.watchMemory(ctx, growthAllowed, func(ctx context.Context) string {
		var open []net.Conn
		defer func() {
			for _, conn := range open {
				_ = conn.Close()
			}
		}()
		for range silentConnections {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
			if err != nil {
				break // it may refuse strangers
			}
			open = append(open, conn)
			_, _ = conn.Write([]byte(hello))
		}
		http.DefaultClient.CloseIdleConnections()
		short, stop := context.WithTimeout(ctx, siegePatience)
		defer stop()
		served, _ = r.query(short, tool, "SELECT v FROM t")
		return fmt.Sprint(len(open), " opened; meanwhile: ", served)
	})
	return answer, held && strings.Contains(served, "served")
}
