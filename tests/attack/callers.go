package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
)

// apiKeys tries to make a key more than it is.
func apiKeys(ctx context.Context, r *rig) ([]attempt, error) {
	signedIn, err := r.admin.Login(ctx, slug, "admin@"+slug+".example", password)
	if err != nil {
		return nil, err
	}
	capped, cappedID, err := newKey(ctx, signedIn, map[string]any{"name": "capped", "max_role": "viewer", "expires_in_days": 1})
	if err != nil {
		return nil, err
	}
	as := signedIn.As(capped)
	return []attempt{
		{name: "a capped key lists its owner's other keys", run: func(ctx context.Context, _ *rig) (string, bool) {
			var keys []struct{ ID, Name string }
			err := as.Do(ctx, http.MethodGet, "/api/v1/api-keys", nil, &keys)
			return fmt.Sprint(keys, err), err == nil && len(keys) == 1
		}},
		{name: "a capped key revokes its owner's full key", run: func(ctx context.Context, _ *rig) (string, bool) {
			full, fullID, err := newKey(ctx, signedIn, map[string]any{"name": "full"})
			if err != nil {
				return err.Error(), false
			}
			_ = as.Do(ctx, http.MethodDelete, "/api/v1/api-keys/"+fullID, nil, nil)
			err = signedIn.As(full).Do(ctx, http.MethodGet, "/api/v1/auth/me", nil, nil)
			return fmt.Sprint("the full key afterwards: ", err), err == nil
		}},
		{name: "a capped key makes a stronger key", run: func(ctx context.Context, _ *rig) (string, bool) {
			child, _, err := newKey(ctx, as, map[string]any{"name": "stronger", "max_role": "admin"})
			if err != nil {
				return err.Error(), true
			}
			err = signedIn.As(child).Do(ctx, http.MethodGet, "/api/v1/audit-logs", nil, nil)
			return fmt.Sprint("the child reads the audit log: ", err), err != nil
		}},
		{name: "a key's child outlives it", run: func(ctx context.Context, _ *rig) (string, bool) {
			child, _, err := newKey(ctx, as, map[string]any{"name": "child"})
			if err != nil {
				return err.Error(), true
			}
			grandchild, _, err := newKey(ctx, signedIn.As(child), map[string]any{"name": "grandchild"})
			if err != nil {
				return err.Error(), false
			}
			if err := signedIn.Do(ctx, http.MethodDelete, "/api/v1/api-keys/"+cappedID, nil, nil); err != nil {
				return err.Error(), false
			}
			errChild := signedIn.As(child).Do(ctx, http.MethodGet, "/api/v1/auth/me", nil, nil)
			errGrandchild := signedIn.As(grandchild).Do(ctx, http.MethodGet, "/api/v1/auth/me", nil, nil)
			return fmt.Sprint("after the parent's end: ", errChild, ", ", errGrandchild), errChild != nil && errGrandchild != nil
		}},
	}, nil
}

func newKey(ctx context.Context, as *client.Client, in map[string]any) (raw, id string, err error) {
	var key struct {
		ID  string
		Raw string `json:"raw_key"`
	}
	err = as.Do(ctx, http.MethodPost, "/api/v1/api-keys", in, &key)
	return key.Raw, key.ID, err
}

// wrongCallers ask for what belongs to others or needs a higher role.
func wrongCallers(ctx context.Context, r *rig) (all []attempt, err error) {
	path, err := r.sqliteFile(ctx, "secrets.db", "CREATE TABLE secrets (v TEXT); INSERT INTO secrets VALUES ('treasure')")
	if err != nil {
		return nil, err
	}
	tool, id, err := r.connection(ctx, "secrets", "sqlite", "sqlite:///"+path, false)
	if err != nil {
		return nil, err
	}
	read := map[string]any{"sql": "SELECT v FROM secrets"}
	callers := []struct {
		name string
		as   func() *client.Client
		slug string
	}{
		{"a viewer", func() *client.Client { return r.viewer }, slug},
		{"another organisation at its own URL", func() *client.Client { return r.other }, otherSlug},
		{"another organisation at this URL", func() *client.Client { return r.other }, slug},
		{"this organisation at another URL", func() *client.Client { return r.analyst }, otherSlug},
		{"nobody", func() *client.Client { return r.admin.As("") }, slug},
		{"a made-up key", func() *client.Client { return r.admin.As("mgw_12345678_" + strings.Repeat("x", 43)) }, slug},
		{"a token without a signature", func() *client.Client { return r.admin.As("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4Iiwicm9sZSI6ImFkbWluIn0.") }, slug},
	}
	for _, c := range callers {
		all = append(all, attempt{name: c.name + " reads a table", run: func(ctx context.Context, _ *rig) (string, bool) {
			result, err := c.as().CallTool(ctx, c.slug, tool, read)
			answer := fmt.Sprint(result.Text(), err)
			return answer, !strings.Contains(answer, "treasure") && (err != nil || result.IsError)
		}})
	}
	routes := []struct{ method, path string }{
		{http.MethodDelete, "/api/v1/connections/" + id}, {http.MethodPost, "/api/v1/connections/" + id + "/test"}, {http.MethodGet, "/api/v1/connections/" + id + "/functions"},
		{http.MethodGet, "/api/v1/audit-logs"}, {http.MethodGet, "/api/v1/tenants/users"},
	}
	for _, route := range routes {
		for _, c := range callers[:2] {
			if strings.HasSuffix(route.path, "audit-logs") && c.slug == otherSlug || strings.HasSuffix(route.path, "users") && c.slug == otherSlug {
				continue // its own
			}
			all = append(all, attempt{name: c.name + ": " + route.method + " " + strings.ReplaceAll(route.path, id, "{id}"), run: func(ctx context.Context, _ *rig) (string, bool) {
				err := c.as().Do(ctx, route.method, route.path, nil, nil)
				return fmt.Sprint(err), err != nil
			}})
		}
	}
	return all, nil
}
