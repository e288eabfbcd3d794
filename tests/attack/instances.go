package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// severalInstances runs two gateways on one PostgreSQL store with Redis and
// looks whether what one takes away the other still gives.
func severalInstances(ctx context.Context, r *rig) ([]attempt, error) {
	store, _, err := r.postgresDatabase(ctx, "MCPGW_TEST_POSTGRES", "store")
	if err != nil {
		return nil, err
	}
	env := []string{
		"DATABASE_URL=" + store, "REDIS_URL=" + os.Getenv("MCPGW_TEST_REDIS"), "WEB_CONCURRENCY=2",
		"SECRET_KEY=" + rand.Text() + rand.Text(), "ENCRYPTION_KEY=" + rand.Text() + rand.Text(),
	}
	var instances [2]*process.Process
	for i := range instances {
		p, err := process.StartGateway(ctx, r.program, filepath.Join(r.folder, fmt.Sprint("instance", i)), env)
		if err != nil {
			return nil, err
		}
		r.onCleanUp(func(context.Context) error {
			p.Stop()
			return nil
		})
		instances[i] = p
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
