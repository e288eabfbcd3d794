package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// severalInstances runs two gateways on one PostgreSQL store with Redis and
// looks whether what one takes away the other still gives.
func severalInstances(ctx context.Context, r *rig) ([]attempt, error) {
	instances, err := startInstances(ctx, r)
	if err != nil {
		return nil, err
	}
	first, err := newOrganisation(ctx, &client.Client{Base: instances[0].Base}, "Twin", "twin")
	if err != nil {
		return nil, err
	}
	other := func(c *client.Client) *client.Client {
		return &client.Client{Base: instances[1].Base, Credential: c.Credential}
	}
	return []attempt{
		{name: "a key revoked on one instance is used on the other", run: func(ctx context.Context, _ *rig) (string, bool) {
			raw, id, err := newKey(ctx, first, map[string]any{"name": "short"})
			if err != nil {
				return err.Error(), false
			}
			key := first.As(raw)
			if _, err := other(key).CallTool(ctx, "twin", "get_current_time", map[string]any{}); err != nil {
				return err.Error(), false
			}
			if err := first.Do(ctx, http.MethodDelete, "/api/v1/api-keys/"+id, nil, nil); err != nil {
				return err.Error(), false
			}
			_, err = other(key).CallTool(ctx, "twin", "get_current_time", map[string]any{})
			return fmt.Sprint(err), err != nil
		}},
		{name: "a role lowered on one instance counts on the other", run: func(ctx context.Context, _ *rig) (string, bool) {
			id, err := first.CreateUser(ctx, "second@twin.example", password, "admin")
			if err != nil {
				return err.Error(), false
			}
			second, err := withKey(ctx, first, "twin", "second@twin.example")
			if err != nil {
				return err.Error(), false
			}
			if err := first.Do(ctx, http.MethodPatch, "/api/v1/tenants/users/"+id, map[string]string{"role": "viewer"}, nil); err != nil {
				return err.Error(), false
			}
			err = other(second).Do(ctx, http.MethodGet, "/api/v1/audit-logs", nil, nil)
			return fmt.Sprint(err), err != nil
		}},
		{name: "one instance is killed in the middle of calls", run: func(ctx context.Context, _ *rig) (string, bool) {
			go func() {
				pause(ctx, 100*time.Millisecond)
				instances[0].Kill()
			}()
			for range 200 {
				_, _ = first.CallTool(ctx, "twin", "get_current_time", map[string]any{})
			}
			_, err := other(first).CallTool(ctx, "twin", "get_current_time", map[string]any{})
			return fmt.Sprint("the other: ", err), err == nil
		}},
	}, nil
}

// startInstances starts two gateways on one database and one Redis.
func startInstances(ctx context.Context, r *rig) (instances [2]*process.Process, err error) {
	store, _, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "store")
	if err != nil {
		return instances, err
	}
	env := []string{
		"DATABASE_URL=" + store, "REDIS_URL=" + os.Getenv("MCPGW_TEST_REDIS"), "WEB_CONCURRENCY=2",
		"SECRET_KEY=" + rand.Text() + rand.Text(), "ENCRYPTION_KEY=" + rand.Text() + rand.Text(),
	}
	for i := range instances {
		p, err := process.StartGateway(ctx, r.program, filepath.Join(r.folder, fmt.Sprint("instance", i)), env)
		if err != nil {
			return instances, err
		}
		r.onCleanUp(func(context.Context) error {
			p.Stop()
			return nil
		})
		instances[i] = p
	}
	return instances, nil
}

// tampering is an edit of the audit log by somebody who may write the
// database but has neither the key nor the anchors.
type tampering struct {
	name string
	sql  string
	want string // a word of the verdict
}

// tamperings change the chain of acme, whose tenant id is put for $T.
func tamperings() []tampering {
	const latest = "(SELECT max(seq) FROM audit_logs WHERE tenant_id = $T)"
	return []tampering{
		{"the newest 10 deleted, head set back", `DELETE FROM audit_logs WHERE tenant_id = $T AND seq > ` + latest + ` - 10;
			UPDATE audit_heads SET seq = ` + latest + `, hash = (SELECT hash FROM audit_logs WHERE tenant_id = $T AND seq = ` + latest + `) WHERE tenant_id = $T`, "cut at the end"},
		{"one edited", `UPDATE audit_logs SET user_email = 'nobody@acme.example' WHERE tenant_id = $T AND seq = 3`, "edited"},
		{"one deleted in the middle", `DELETE FROM audit_logs WHERE tenant_id = $T AND seq = 4`, "removed"},
		{"the oldest 5 deleted, purge mark moved", `UPDATE audit_heads SET purged_seq = 5, purged_hash = (SELECT hash FROM audit_logs WHERE tenant_id = $T AND seq = 5) WHERE tenant_id = $T;
			DELETE FROM audit_logs WHERE tenant_id = $T AND seq <= 5`, "cut at the start"},
		{"the newest altered, head set to it", `UPDATE audit_logs SET event = 'user.created' WHERE tenant_id = $T AND seq = ` + latest, "edited"},
		{"two exchanged", `UPDATE audit_logs SET seq = -1 WHERE tenant_id = $T AND seq = 3; UPDATE audit_logs SET seq = 3 WHERE tenant_id = $T AND seq = 4;
			UPDATE audit_logs SET seq = 4 WHERE tenant_id = $T AND seq = -1`, "reordered"},
		{"the chain and its head gone", `DELETE FROM audit_logs WHERE tenant_id = $T; DELETE FROM audit_heads WHERE tenant_id = $T`, "missing"},
		{"everything gone", `DELETE FROM audit_logs; DELETE FROM audit_heads`, "missing"},
	}
}

// auditLog stops the gateway for a copy of its data, edits copies of that and
// asks `audit verify` about each.
func auditLog(ctx context.Context, r *rig) ([]attempt, error) {
	tenant := struct{ ID string }{}
	if err := r.admin.Do(ctx, http.MethodGet, "/api/v1/tenants/me", nil, &tenant); err != nil {
		return nil, err
	}
	r.gateway.Stop()
	if err := os.CopyFS(r.snapshot(), os.DirFS(r.data())); err != nil {
		return nil, err
	}
	if err := r.restart(ctx); err != nil {
		return nil, err
	}
	all := []attempt{{name: "nothing was changed", run: func(ctx context.Context, r *rig) (string, bool) {
		out, err := r.verifyCopy(ctx, "untouched", "")
		return out, err == nil
	}}}
	for i, t := range tamperings() {
		all = append(all, attempt{name: t.name, run: func(ctx context.Context, r *rig) (string, bool) {
			out, err := r.verifyCopy(ctx, fmt.Sprint("copy", i), strings.ReplaceAll(t.sql, "$T", "'"+tenant.ID+"'"))
			return out, err != nil && strings.Contains(out, t.want)
		}})
	}
	return all, nil
}

func (r *rig) snapshot() string { return filepath.Join(r.folder, "snapshot") }

// verifyCopy edits a copy of the gateway's data and verifies it.
func (r *rig) verifyCopy(ctx context.Context, name, edit string) (string, error) {
	folder := filepath.Join(r.folder, name)
	if err := os.CopyFS(folder, os.DirFS(r.snapshot())); err != nil {
		return "", err
	}
	if edit != "" {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "gateway.db"))
		if err != nil {
			return "", err
		}
		if _, err := db.ExecContext(ctx, edit); err != nil {
			return "", err
		}
		if err := db.Close(); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, r.program, "audit", "verify")
	cmd.Env = append(os.Environ(), "DATA_DIR="+folder, "DATABASE_URL=sqlite:///"+filepath.Join(folder, "gateway.db"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}
