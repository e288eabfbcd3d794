// Package client drives a gateway through its public HTTP doors, as the demo,
// the tests and the benchmarks do.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client talks to one gateway with one credential. The zero Credential is an
// anonymous caller.
type Client struct {
	Base       string // BASE_URL, without a trailing slash
	Credential string // sent as Authorization: Bearer
	HTTP       *http.Client
}

// Error is an answer outside 2xx.
type Error struct {
	Status int
	Header http.Header
	Body   []byte
}

// Error shows the status and the body.
func (e *Error) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Body) }

// Detail is the error text of contract section 1, "" when there is none.
func (e *Error) Detail() string {
	var body struct {
		Detail json.RawMessage `json:"detail"`
	}
	var text string
	if json.Unmarshal(e.Body, &body) != nil || json.Unmarshal(body.Detail, &text) != nil {
		return string(body.Detail)
	}
	return text
}

// As returns a client of the same gateway with another credential.
func (c *Client) As(credential string) *Client {
	return &Client{Base: c.Base, Credential: credential, HTTP: c.HTTP}
}

// Do sends in as JSON (nil: no body) and decodes the answer into out (nil: it
// is dropped).
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.send(req)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

func (c *Client) send(req *http.Request) ([]byte, error) {
	if c.Credential != "" {
		req.Header.Set("Authorization", "Bearer "+c.Credential)
	}
	hc := c.HTTP
	if hc == nil {
		hc = http.DefaultClient
	}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, &Error{Status: resp.StatusCode, Header: resp.Header, Body: body}
	}
	return body, nil
}

// WaitReady asks GET /readyz until it answers 200 or ctx ends.
func (c *Client) WaitReady(ctx context.Context) error {
	for {
		err := c.Do(ctx, http.MethodGet, "/readyz", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gateway is not ready: %w", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Tenant is a registered organisation.
type Tenant struct{ ID, Name, Slug string }

// Register makes an organisation with its first administrator.
func (c *Client) Register(ctx context.Context, name, slug, email, password string) (Tenant, error) {
	var t Tenant
	err := c.Do(ctx, http.MethodPost, "/api/v1/tenants", map[string]string{
		"name": name, "slug": slug, "admin_email": email, "admin_password": password,
	}, &t)
	return t, err
}

// Login returns a client that carries the user's login token.
func (c *Client) Login(ctx context.Context, slug, email, password string) (*Client, error) {
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err := c.Do(ctx, http.MethodPost, "/api/v1/auth/login", map[string]string{
		"tenant_slug": slug, "email": email, "password": password,
	}, &token)
	return c.As(token.AccessToken), err
}

// CreateUser adds a user to the caller's organisation and returns its id.
func (c *Client) CreateUser(ctx context.Context, email, password, role string) (id string, err error) {
	var user struct{ ID string }
	err = c.Do(ctx, http.MethodPost, "/api/v1/tenants/users", map[string]string{
		"email": email, "password": password, "role": role,
	}, &user)
	return user.ID, err
}

// NewConnection describes a database connection to add.
type NewConnection struct {
	Name        string `json:"name"`
	Type        string `json:"db_type"`
	String      string `json:"connection_string"`
	Description string `json:"description,omitempty"`
	MinRole     string `json:"min_role,omitempty"`
	// AllowPowerfulLogin accepts a login that could do more than read.
	AllowPowerfulLogin bool `json:"allow_powerful_login,omitempty"`
}

// CreateConnection adds a database and returns its id.
func (c *Client) CreateConnection(ctx context.Context, n NewConnection) (id string, err error) {
	var conn struct{ ID string }
	err = c.Do(ctx, http.MethodPost, "/api/v1/connections", n, &conn)
	return conn.ID, err
}

// CreateKey makes an API key of the caller and returns it.
func (c *Client) CreateKey(ctx context.Context, name string) (string, error) {
	var key struct {
		Raw string `json:"raw_key"`
	}
	err := c.Do(ctx, http.MethodPost, "/api/v1/api-keys", map[string]string{"name": name}, &key)
	return key.Raw, err
}

// AuditEntry is one row of the audit log.
type AuditEntry struct {
	Event    string         `json:"event"`
	Metadata map[string]any `json:"metadata"`
}

// Audit lists the newest audit records whose event has one of the prefixes.
func (c *Client) Audit(ctx context.Context, prefixes string) ([]AuditEntry, error) {
	var out []AuditEntry
	err := c.Do(ctx, http.MethodGet, "/api/v1/audit-logs?event_prefix="+url.QueryEscape(prefixes), nil, &out)
	return out, err
}
