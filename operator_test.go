package gateway_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// operate runs a command with the gateway's own configuration.
func operate(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := gateway.Run(t.Context(), args, func(name string) string { return env[name] }, &out)
	return out.String(), err
}

func passwordFile(t *testing.T, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOperatorMakesAnOrganisation makes them beside a running gateway, which
// lets their administrators in at once, although registration is closed.
func TestOperatorMakesAnOrganisation(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	g.Stop(t)
	g.Env["TENANT_REGISTRATION"] = "closed"
	g.Run(t)
	_, err := g.Anonymous.Register(t.Context(), "Globex", "globex", "boss@globex.test", gatewaytest.Password)
	if answer := (*client.Error)(nil); !errors.As(err, &answer) || answer.Status != 403 {
		t.Fatalf("registration is not closed: %v", err)
	}
	out, err := operate(t, g.Env, "tenant", "create", "--name", "Globex", "--slug", "globex", "--admin-email", "Boss@globex.test",
		"--admin-password-file", passwordFile(t, gatewaytest.Password))
	if err != nil || !strings.Contains(out, "globex") || strings.Contains(out, gatewaytest.Password) {
		t.Fatalf("%v: %s", err, out)
	}
	boss, err := g.Anonymous.Login(t.Context(), "globex", "boss@globex.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	records, err := boss.Audit(t.Context(), "tenant")
	if err != nil || len(records) != 1 || records[0].Event != "tenant.created" || records[0].Metadata["auth"] != "operator" ||
		records[0].Metadata["slug"] != "globex" || records[0].Metadata["user_email"] != "boss@globex.test" {
		t.Errorf("recorded %v, %v", records, err)
	}
	if tools, err := boss.Tools(t.Context(), "globex"); err != nil || len(tools) == 0 {
		t.Errorf("the administrator's tools: %v, %v", tools, err)
	}
}

// TestPasswordIsAskedFor runs the program itself, on a database that nobody
// has made yet.
func TestPasswordIsAskedFor(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "tenant", "create", "--name", "Acme", "--slug", "acme", "--admin-email", "a@acme.test")
	cmd.Env, cmd.Dir = append(os.Environ(), "MCPGW_TEST_SERVE=1", "DATA_DIR="+dir), dir
	cmd.Stdin = strings.NewReader(gatewaytest.Password + "\r\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Password of the administrator") {
		t.Fatalf("%v: %s", err, out)
	}
	if n := auditCount(t, filepath.Join(dir, "gateway.db"), "tenant.created"); n != 1 {
		t.Errorf("%d records", n)
	}
}

func TestOperatorRefusals(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	good, short := passwordFile(t, gatewaytest.Password), passwordFile(t, "eleven char")
	organisation := func(slug, email, file string) []string {
		return []string{"tenant", "create", "--name", "New", "--slug", slug, "--admin-email", email, "--admin-password-file", file}
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no verb":            {[]string{"tenant"}, "tenant knows create"},
		"unknown verb":       {[]string{"client", "make"}, "client knows create, list and delete"},
		"no slug":            {[]string{"tenant", "create", "--name", "New", "--admin-email", "a@new.test"}, "tenant create needs --slug"},
		"bad slug":           {organisation("New", "a@new.test", good), "slug: expected string to match pattern"},
		"bad e-mail":         {organisation("new", "a@new", good), "admin_email: Value error, Invalid email address format"},
		"short password":     {organisation("new", "a@new.test", short), "admin_password: expected length >= 12"},
		"no password file":   {organisation("new", "a@new.test", good+"x"), "password of the administrator: open "},
		"taken slug":         {organisation("acme", "a@new.test", good), "Slug already taken"},
		"password argument":  {append(organisation("new", "a@new.test", good), "--admin-password", "x"), "flag provided but not defined"},
		"more than flags":    {append(organisation("new", "a@new.test", good), "now"), `unexpected argument "now"`},
		"nobody's client":    {[]string{"client", "create", "--tenant", "nobody", "--name", "x", "--redirect-uri", "http://localhost/cb"}, "Tenant 'nobody' not found"},
		"no redirect URI":    {[]string{"client", "create", "--tenant", "acme", "--name", "x"}, "client create needs --redirect-uri"},
		"redirect elsewhere": {[]string{"client", "create", "--tenant", "acme", "--name", "x", "--redirect-uri", "https://evil.test/cb"}, "redirect_uri is not allowed: https://evil.test/cb"},
		"unknown client":     {[]string{"client", "delete", "--tenant", "acme", "--client-id", "x"}, "Unknown client"},
		"list of nobody":     {[]string{"client", "list"}, "client list needs --tenant"},
	} {
		if out, err := operate(t, g.Env, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s\n%s", name, err, tt.want, out)
		}
	}
	if out, err := operate(t, g.Env, "client", "create", "-h"); err != nil || !strings.Contains(out, "-redirect-uri URI") {
		t.Errorf("help: %v\n%s", err, out)
	}
	if records, err := g.Admin.Audit(t.Context(), "oauth"); err != nil || len(records) != 0 {
		t.Errorf("what was refused is recorded as done: %v, %v", records, err)
	}
}
