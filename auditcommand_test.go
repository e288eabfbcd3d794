package gateway_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// tamper runs SQL on a gateway's database behind its back.
func tamper(t *testing.T, file, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// copyOf is a stopped gateway's configuration on a copy of its data.
func copyOf(t *testing.T, g *gatewaytest.Gateway) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(g.DataDir)); err != nil {
		t.Fatal(err)
	}
	env := maps.Clone(g.Env)
	env["DATA_DIR"], env["DATABASE_URL"] = dir, "sqlite:////"+strings.TrimPrefix(filepath.Join(dir, "gateway.db"), "/")
	return env
}

// rewrite changes a file's text.
func rewrite(t *testing.T, path string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
}

const noHash = "0000000000000000000000000000000000000000000000000000000000000000"

// TestVerifyTellsWhatHappened does to the data of a stopped gateway what
// somebody can do who may write the database, or the anchors, and has no key.
func TestVerifyTellsWhatHappened(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	older := filepath.Join(t.TempDir(), "older.db")
	tamper(t, filepath.Join(g.DataDir, "gateway.db"), "VACUUM INTO '"+older+"'")
	for range 5 {
		if _, err := g.Viewer.CallTool(t.Context(), gatewaytest.Slug, "get_current_time", map[string]any{}); err != nil {
			t.Fatal(err)
		}
	}
	g.Stop(t)
	info, err := os.Stat(filepath.Join(g.DataDir, audit.AnchorFileName))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Fatalf("anchor file: %v, %v", info, err)
	}
	rollBack := func(t *testing.T, env map[string]string) {
		db := filepath.Join(env["DATA_DIR"], "gateway.db")
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(db + suffix); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(older)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(db, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		change  string                                    // of the database
		anchors func(text string) string                  // of the anchor file
		do      func(t *testing.T, env map[string]string) // something else
		args    []string
		want    string // empty when all is well
	}{
		"nothing":             {},
		"edit":                {change: "UPDATE audit_logs SET metadata = '{}' WHERE seq = 2", want: "edited: record 2"},
		"everything":          {change: "DELETE FROM audit_logs; DELETE FROM audit_heads", want: "whole chain missing: records 1 to "},
		"everything, no note": {change: "DELETE FROM audit_logs; DELETE FROM audit_heads; DELETE FROM audit_anchors", want: "whole chain missing: records 1 to "},
		"older database":      {do: rollBack, want: "cut at the end: record"},
		"anchors cut":         {anchors: func(s string) string { return s[:strings.LastIndex(s[:len(s)-1], "\n")+1] }, want: "anchors are missing: file "},
		"anchors emptied":     {anchors: func(string) string { return "" }, want: "anchors are missing: file "},
		"anchors edited":      {anchors: func(s string) string { return strings.Replace(s, `"seq":`, `"seq":1`, 1) }, want: "line 1 was edited"},
		"anchors gone": {do: func(t *testing.T, env map[string]string) {
			if err := os.Remove(filepath.Join(env["DATA_DIR"], audit.AnchorFileName)); err != nil {
				t.Fatal(err)
			}
		}, want: "anchors are missing: file "},
		"anchors elsewhere": {anchors: func(string) string { return "" }, args: []string{"--anchors", filepath.Join(g.DataDir, audit.AnchorFileName)}},
		"without anchors":   {anchors: func(string) string { return "" }, args: []string{"--without-missing-anchors"}},
		"note of anchors":   {change: "UPDATE audit_anchors SET number = 5", want: "note of file "},
		"other head":        {args: []string{"--head", gatewaytest.Slug + ":2:" + noHash}, want: "edited: record 2"},
		"later head":        {args: []string{"--head", gatewaytest.Slug + ":9999:" + noHash}, want: "cut at the end: records "},
		"head of nobody":    {args: []string{"--head", "nobody:3:" + noHash}, want: "whole chain missing: records 1 to 3"},
		"terminal":          {change: "UPDATE audit_logs SET key_id = 'x' || char(27) || '[2J' || char(10) || 'acme: intact' WHERE seq = 2", want: `x\u001b[2J\nacme: intact`},
		"other key": {do: func(_ *testing.T, env map[string]string) {
			env["SECRET_KEY"] = "0a1b2c3d4e5f60718293a4b5c6d7e8f9-other"
		}, want: "which is no longer configured"},
	} {
		t.Run(name, func(t *testing.T) {
			env := copyOf(t, g)
			if c.change != "" {
				tamper(t, filepath.Join(env["DATA_DIR"], "gateway.db"), c.change)
			}
			if c.anchors != nil {
				rewrite(t, filepath.Join(env["DATA_DIR"], audit.AnchorFileName), c.anchors)
			}
			if c.do != nil {
				c.do(t, env)
			}
			out, err := operate(t, env, append([]string{"audit", "verify"}, c.args...)...)
			if (err != nil) != (c.want != "") || !strings.Contains(out, c.want) {
				t.Errorf("%v, want %q in:\n%s", err, c.want, out)
			}
		})
	}
}

// TestVerifyPrintsHeadsThatItTakes keeps what verify printed and gives it back
// later, as an operator does who keeps heads elsewhere.
func TestVerifyPrintsHeadsThatItTakes(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	out, err := operate(t, g.Env, "audit", "verify") // while it runs
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	head := regexp.MustCompile(`(?m)^` + gatewaytest.Slug + `:\d+:[0-9a-f]{64}$`).FindString(out)
	if head == "" || !strings.Contains(out, "intact") {
		t.Fatalf("no head of the organisation in:\n%s", out)
	}
	g.SignIn(t, "viewer")
	if out, err = operate(t, g.Env, "audit", "verify", "--head", head); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	for _, bad := range []string{"x", gatewaytest.Slug + ":x:" + noHash, gatewaytest.Slug + ":0:" + noHash} {
		if _, err := operate(t, g.Env, "audit", "verify", "--head", bad); err == nil {
			t.Errorf("--head %s is taken", bad)
		}
	}
}

// TestARolledBackDatabaseIsLogged starts a gateway on an older copy of its
// database.
func TestARolledBackDatabaseIsLogged(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	file := filepath.Join(g.DataDir, "gateway.db")
	tamper(t, file, "VACUUM INTO '"+file+".older'")
	for range 5 {
		g.SignIn(t, "viewer")
	}
	g.Stop(t)
	for _, path := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file+".older", file); err != nil {
		t.Fatal(err)
	}
	g.Run(t)
	g.Stop(t)
	if !strings.Contains(g.Log(), "an audit chain is shorter than it was") {
		t.Errorf("log:\n%s", g.Log())
	}
	if out, err := operate(t, g.Env, "audit", "verify"); err == nil || !strings.Contains(out, "cut at the end") {
		t.Errorf("%v:\n%s", err, out)
	}
	// It was the operator's own doing.
	if out, err := operate(t, g.Env, "audit", "reset-anchors"); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	g.Run(t)
	g.Stop(t)
	if out, err := operate(t, g.Env, "audit", "verify"); err != nil || strings.Contains(out, "there are no anchors") {
		t.Errorf("with new anchors: %v:\n%s", err, out)
	}
	if n := auditCount(t, file, "audit.anchors_reset"); n != 1 {
		t.Errorf("recorded %d times", n)
	}
}

// TestOperatorSeesTheWholeStatement keeps statements in full and opens one,
// also after the key was rotated.
func TestOperatorSeesTheWholeStatement(t *testing.T) {
	const first, second = "first-9f8e7d6c5b4a39281706f5e4d3c2b1a0", "second-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	g := gatewaytest.Start(t, gatewaytest.Options{Env: map[string]string{"AUDIT_SQL": "full", "ENCRYPTION_KEY": first}})
	_, execute := g.ConnectShop(t)
	sent := "/* for the board */ SELECT count(*) AS n FROM customers -- " + strings.Repeat("long ", 100) + "end"
	mustText(t, g.Analyst, execute, map[string]any{"sql": sent}, `"n":2000`)
	var records []struct {
		ID       string         `json:"id"`
		Metadata map[string]any `json:"metadata"`
	}
	err := g.Admin.Do(t.Context(), "GET", "/api/v1/audit-logs?event_prefix=tool.execute_sql", nil, &records)
	if err != nil || len(records) != 1 {
		t.Fatalf("%v, %v", records, err)
	}
	r := records[0]
	if text := fmt.Sprint(r.Metadata); strings.Contains(text, "board") || strings.Contains(text, "long") ||
		r.Metadata["sql_preview"] != "SELECT count(*) AS n FROM customers" || fmt.Sprint(r.Metadata["columns"]) != "[n]" || fmt.Sprint(r.Metadata["relations"]) != "[customers]" {
		t.Errorf("record %s", text)
	}
	if found := findText(t, g.DataDir, "for the board"); found != "" {
		t.Errorf("the statement is readable in %s", found)
	}
	show := func(want string) {
		t.Helper()
		out, err := operate(t, g.Env, "audit", "show", "--tenant", gatewaytest.Slug, "--id", r.ID)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, want %q in:\n%s", err, want, out)
		}
	}
	show(sent)
	g.Env["ENCRYPTION_KEY"], g.Env["ENCRYPTION_KEYS_OLD"] = second, first
	if out, err := operate(t, g.Env, "rotate-keys"); err != nil {
		t.Fatal(err, out)
	}
	g.Env["ENCRYPTION_KEYS_OLD"] = ""
	show(sent)
	if out, err := operate(t, g.Env, "audit", "verify"); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	tamper(t, filepath.Join(g.DataDir, "gateway.db"), "DELETE FROM audit_statements")
	if out, err := operate(t, g.Env, "audit", "show", "--tenant", gatewaytest.Slug, "--id", r.ID); err == nil || !strings.Contains(err.Error(), "removed") || !strings.Contains(out, "tool.execute_sql") {
		t.Errorf("a removed statement: %v, %s", err, out)
	}
}

// TestAWrongKeyRecordsNothing runs a command with a key that is not the
// gateway's.
func TestAWrongKeyRecordsNothing(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	env := maps.Clone(g.Env)
	env["SECRET_KEY"] = "0a1b2c3d4e5f60718293a4b5c6d7e8f9-other"
	_, err := operate(t, env, "client", "create", "--tenant", gatewaytest.Slug, "--name", "X", "--redirect-uri", "http://127.0.0.1/callback")
	if err == nil || !strings.Contains(err.Error(), "another SECRET_KEY") {
		t.Errorf("recorded under a wrong key: %v", err)
	}
	if out, err := operate(t, g.Env, "audit", "verify"); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// findText returns a file below dir that holds text, "" when there is none.
func findText(t *testing.T, dir, text string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), text) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
