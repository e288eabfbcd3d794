package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/demo"
)

// The sample organisation.
const (
	demoSlug      = "acme"
	demoName      = "Acme Shop"
	demoStateFile = "demo.json"
	demoShopFile  = "shop.db"
)

// demoState is what the first run made up, kept so that the next one can show
// it again. It lies beside the generated keys, mode 0600.
type demoState struct {
	Passwords  map[string]string `json:"passwords"` // by role
	Key        string            `json:"api_key"`   // the analyst's
	Connection string            `json:"connection_id"`
}

func demoEmail(role string) string { return role + "@acme.example" }

// runDemo serves on embedded SQLite with a sample organisation, makes one
// governed call itself and prints what a person needs next.
func runDemo(ctx context.Context, c *command) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(c.stdout)
	once := flags.Bool("once", false, "stop after the report instead of serving on")
	if err := flags.Parse(c.args); err != nil {
		return err
	}
	getenv, err := demoEnvironment(c.getenv)
	if err != nil {
		return err
	}
	d := &demonstration{base: getenv("BASE_URL"), dir: getenv("DATA_DIR"), out: c.stdout}
	if err := demo.CreateShop(ctx, filepath.Join(d.dir, demoShopFile)); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, &command{getenv: getenv, stdout: c.stdout, options: c.options})
		stop() // a gateway that could not start ends the demonstration
	}()
	err = d.run(ctx)
	if *once || err != nil {
		stop()
	}
	if serr := <-served; serr != nil {
		return serr // says more than a demonstration that met no gateway
	}
	return err
}

// demoEnvironment fills in what the demo needs: data of its own, a free port,
// and a quiet log. What the caller set stays.
func demoEnvironment(getenv func(string) string) (func(string) string, error) {
	port := getenv("PORT")
	if port == "" {
		free, err := freePort(8000, 8019)
		if err != nil {
			return nil, err
		}
		port = strconv.Itoa(free)
	}
	dir := getenv("DATA_DIR")
	if dir == "" {
		dir = filepath.Join("data", "demo")
	}
	defaults := map[string]string{
		"PORT": port, "BASE_URL": "http://localhost:" + port, "DATA_DIR": dir, "LOG_LEVEL": "WARNING",
		"DATABASE_URL":        "sqlite:///" + filepath.Join(dir, "gateway.db"),
		"SQLITE_ALLOWED_DIRS": dir,
	}
	return func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return defaults[name]
	}, nil
}

func freePort(from, to int) (int, error) {
	for port := from; port <= to; port++ {
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, ln.Close()
		}
	}
	return 0, fmt.Errorf("ports %d to %d are all in use: set PORT and BASE_URL", from, to)
}

// demonstration sets the organisation up and shows it.
type demonstration struct {
	base, dir string
	out       io.Writer
	state     demoState
}

func (d *demonstration) run(ctx context.Context) error {
	anonymous := &client.Client{Base: d.base}
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := anonymous.WaitReady(ready); err != nil {
		return err
	}
	path := filepath.Join(d.dir, demoStateFile)
	if err := readJSON(path, &d.state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if d.state.Key == "" {
		if err := d.setUp(ctx, anonymous, path); err != nil {
			return fmt.Errorf("set up the sample organisation: %w (to start afresh, remove %s)", err, d.dir)
		}
	}
	return d.show(ctx, anonymous.As(d.state.Key))
}

// setUp registers the organisation. The passwords are kept before anything
// needs them, and what is there already is taken, so that the next run can go
// on where this one is interrupted.
func (d *demonstration) setUp(ctx context.Context, anonymous *client.Client, path string) error {
	if d.state.Passwords == nil {
		d.state.Passwords = map[string]string{"admin": rand.Text(), "analyst": rand.Text(), "viewer": rand.Text()}
		if err := writeJSON(path, d.state); err != nil {
			return err
		}
	}
	if _, err := anonymous.Register(ctx, demoName, demoSlug, demoEmail("admin"), d.state.Passwords["admin"]); err != nil && !taken(err) {
		return err
	}
	admin, err := d.signIn(ctx, anonymous, "admin")
	if err != nil {
		return err
	}
	for _, role := range []string{"analyst", "viewer"} {
		if _, err := admin.CreateUser(ctx, demoEmail(role), d.state.Passwords[role], role); err != nil && !taken(err) {
			return err
		}
	}
	d.state.Connection, err = admin.CreateConnection(ctx, client.NewConnection{
		Name: "Shop", Type: "sqlite", String: "sqlite:///" + filepath.Join(d.dir, demoShopFile),
		Description: "Sample shop: customers, products, orders and order items of two years. Prices are in cents.",
	})
	if err != nil {
		return err
	}
	analyst, err := d.signIn(ctx, anonymous, "analyst")
	if err != nil {
		return err
	}
	if d.state.Key, err = analyst.CreateKey(ctx, "demo "+rand.Text()[:6]); err != nil {
		return err
	}
	return writeJSON(path, d.state)
}

// taken reports whether something of that name is there already. Whether it is
// the demonstration's own shows when it signs in.
func taken(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status == http.StatusBadRequest
}

func (d *demonstration) signIn(ctx context.Context, anonymous *client.Client, role string) (*client.Client, error) {
	return anonymous.Login(ctx, demoSlug, demoEmail(role), d.state.Passwords[role])
}

// demoQuestion is the governed call that the demo makes.
const demoQuestion = `SELECT p.category, count(DISTINCT o.id) AS orders, sum(i.quantity * i.price_cents) / 100.0 AS revenue
FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id
WHERE o.status <> 'cancelled' GROUP BY p.category ORDER BY revenue DESC`

const demoAttack = "DELETE FROM orders"

// show makes one call that is served and one that is refused, and prints how
// to connect.
func (d *demonstration) show(ctx context.Context, analyst *client.Client) error {
	tool := "execute_sql_shop_" + d.state.Connection[:8]
	begin := time.Now()
	served, err := analyst.CallTool(ctx, demoSlug, tool, map[string]any{"sql": demoQuestion})
	if err != nil {
		return fmt.Errorf("the governed call: %w", err)
	}
	if served.IsError {
		return fmt.Errorf("the governed call: %s", served.Text())
	}
	took := time.Since(begin)
	refused, err := analyst.CallTool(ctx, demoSlug, tool, map[string]any{"sql": demoAttack})
	if err != nil {
		return fmt.Errorf("the refused call: %w", err)
	}
	if !refused.IsError {
		return errors.New("the gateway ran a DELETE: this must not happen")
	}
	return d.print(tool, served.Structured, took, refused.Text())
}

func (d *demonstration) print(tool string, result json.RawMessage, took time.Duration, refusal string) error {
	var p printer
	p.line("MCP Gateway is running.")
	p.line("")
	p.line("One governed call, made as %s over MCP: %s", demoEmail("analyst"), tool)
	p.indented(demoQuestion)
	p.line("answered in %v:", took.Round(time.Millisecond))
	p.rows(result)
	p.line("and one that was refused: %s", demoAttack)
	p.line("  %s", refusal)
	p.line("Both are in the audit log: GET %s/api/v1/audit-logs", d.base)
	p.line("")
	p.line("Tenant URL   %s", d.url())
	p.line("API key      %s  (analyst)", d.state.Key)
	p.line("Sign-ins     organisation %q", demoSlug)
	for _, role := range []string{"admin", "analyst", "viewer"} {
		p.line("             %-22s %s", demoEmail(role), d.state.Passwords[role])
	}
	p.line("API          %s/docs", d.base)
	p.clients(d.url(), d.state.Key)
	p.line("")
	p.line("Press Ctrl-C to stop. The data stays in %s; remove that folder to start afresh.", d.dir)
	_, err := io.WriteString(d.out, p.String())
	return err
}

func (d *demonstration) url() string { return d.base + "/t/" + demoSlug + "/mcp" }

// printer collects the report, so that log lines do not get between.
type printer struct{ strings.Builder }

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *printer) indented(text string) {
	for line := range strings.Lines(text) {
		p.line("  %s", strings.TrimSuffix(line, "\n"))
	}
}

// rows prints the rows of an execute_sql result, one object a line.
func (p *printer) rows(result json.RawMessage) {
	var table struct{ Rows []json.RawMessage }
	if json.Unmarshal(result, &table) != nil {
		p.line("  %s", result)
	}
	for _, row := range table.Rows {
		p.line("  %s", row)
	}
}

// clients prints an entry for each of the common clients, ready to paste.
func (p *printer) clients(url, key string) {
	p.line("\nClaude Desktop (claude_desktop_config.json):")
	p.json(map[string]any{"mcpServers": map[string]any{"gateway": map[string]any{
		"command": "npx", "args": []string{"-y", "mcp-remote", url, "--allow-http", "--header", "Authorization:${AUTH}"},
		"env": map[string]string{"AUTH": "Bearer " + key},
	}}})
	p.line("\nClaude Code:")
	p.line("  claude mcp add --transport http gateway %s --header \"Authorization: Bearer %s\"", url, key)
	p.line("\nCursor (.cursor/mcp.json):")
	p.json(map[string]any{"mcpServers": map[string]any{"gateway": map[string]any{
		"url": url, "headers": map[string]string{"Authorization": "Bearer " + key},
	}}})
	p.line("\nVS Code (.vscode/mcp.json):")
	p.json(map[string]any{"servers": map[string]any{"gateway": map[string]any{
		"type": "http", "url": url, "headers": map[string]string{"Authorization": "Bearer " + key},
	}}})
}

func (p *printer) json(v any) {
	enc := json.NewEncoder(p)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	p.WriteString("  ")
	if err := enc.Encode(v); err != nil {
		p.line("%v", err)
	}
}

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}
