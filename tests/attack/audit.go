package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

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
			out, err := r.verifyCopy(ctx, fmt.Sprint("copy", i), t.of(tenant.ID))
			return out, err != nil && strings.Contains(out, t.want)
		}})
	}
	onPostgres, err := auditLogOnPostgres(ctx, r)
	return append(all, onPostgres...), err
}

// of returns the edit of a tenant's chain.
func (t tampering) of(tenant string) string { return strings.ReplaceAll(t.sql, "$T", "'"+tenant+"'") }

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
	return r.verify(ctx, "DATA_DIR="+folder, "DATABASE_URL=sqlite:///"+filepath.Join(folder, "gateway.db"))
}

// verify runs `audit verify` and returns all that it says.
func (r *rig) verify(ctx context.Context, env ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.program, "audit", "verify")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// auditLogOnPostgres makes the same edits where PostgreSQL is the gateway's own
// store. Each is made in a copy of the database, beside the same anchors.
func auditLogOnPostgres(ctx context.Context, r *rig) ([]attempt, error) {
	store, _, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "audited")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(r.folder, "audited")
	env := []string{"DATA_DIR=" + data, "SECRET_KEY=" + rand.Text() + rand.Text(), "ENCRYPTION_KEY=" + rand.Text() + rand.Text()}
	tenant, err := r.writeRecords(ctx, data, append(env, "DATABASE_URL="+store))
	if err != nil {
		return nil, err
	}
	unchanged := tampering{name: "nothing was changed", sql: "SELECT 1", want: "intact"}
	var all []attempt
	for i, t := range append([]tampering{unchanged}, tamperings()...) {
		all = append(all, attempt{name: t.name + ", in PostgreSQL", run: func(ctx context.Context, r *rig) (string, bool) {
			copied, err := copyDatabase(ctx, r, store, fmt.Sprint("_", i))
			if err != nil {
				return err.Error(), false
			}
			if err := execute(ctx, "pgx", copied, t.of(tenant)); err != nil {
				return err.Error(), false
			}
			out, err := r.verify(ctx, append(env, "DATABASE_URL="+copied)...)
			return out, (err == nil) == (t.want == unchanged.want) && strings.Contains(out, t.want)
		}})
	}
	return all, nil
}

// writeRecords runs a gateway until an organisation has some records.
func (r *rig) writeRecords(ctx context.Context, data string, env []string) (tenant string, err error) {
	p, err := process.StartGateway(ctx, r.program, data, env)
	defer p.Stop()
	if err != nil {
		return "", err
	}
	admin, err := newOrganisation(ctx, &client.Client{Base: p.Base}, "Audited", "audited")
	if err != nil {
		return "", err
	}
	for range 20 {
		if _, err := admin.CallTool(ctx, "audited", "get_current_time", map[string]any{}); err != nil {
			return "", err
		}
	}
	var own struct{ ID string }
	err = admin.Do(ctx, http.MethodGet, "/api/v1/tenants/me", nil, &own)
	return own.ID, err
}

// copyDatabase copies a database that nobody is connected to and returns the
// copy's URL.
func copyDatabase(ctx context.Context, r *rig, address, suffix string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	name := strings.TrimPrefix(u.Path, "/")
	server := os.Getenv("MCPGW_TEST_POSTGRES")
	if err := execute(ctx, "pgx", server, "CREATE DATABASE "+name+suffix+" TEMPLATE "+name); err != nil {
		return "", err
	}
	r.onCleanUp(func(ctx context.Context) error {
		return execute(ctx, "pgx", server, "DROP DATABASE IF EXISTS "+name+suffix+" WITH (FORCE)")
	})
	u.Path += suffix
	return u.String(), nil
}
