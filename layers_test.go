package gateway_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mcp-gateway/mcp-gateway"

// layers is the import table of docs/design/001-architecture.md: what a
// package may import inside the module, and which third-party modules it may
// name. A folder without an entry takes that of its nearest parent; "*" means
// anything. Test files may import more: the test kit and peers.
var layers = map[string]struct{ inside, outside []string }{
	".":                               {inside: []string{"*"}},
	"cmd":                             {inside: []string{"."}},
	"identity":                        {},
	"tool":                            {inside: []string{"identity"}, outside: []string{"github.com/google/jsonschema-go", "github.com/yosida95/uritemplate/v3"}},
	"internal/fault":                  {},
	"internal/jsonbound":              {},
	"internal/runes":                  {},
	"internal/config":                 {inside: []string{"internal/egress", "internal/fault"}},
	"internal/seal":                   {inside: []string{"internal/fault"}, outside: []string{"golang.org/x/crypto"}},
	"internal/egress":                 {inside: []string{"internal/fault"}},
	"internal/loop":                   {},
	"internal/redis":                  {outside: []string{"github.com/gomodule/redigo"}},
	"internal/relay":                  {inside: []string{"internal/fault", "internal/redis", "internal/seal"}, outside: []string{"github.com/gomodule/redigo"}},
	"internal/httpx":                  {inside: []string{"internal/fault", "internal/jsonbound"}, outside: []string{"github.com/go-json-experiment/json", "github.com/google/uuid"}},
	"internal/page":                   {inside: []string{"internal/fault", "internal/httpx"}},
	"internal/telemetry":              {inside: []string{"internal/gate", "tool"}, outside: []string{"github.com/prometheus/client_golang"}},
	"internal/sqlguard":               {inside: []string{"internal/fault", "internal/sqlguard"}, outside: []string{"golang.org/x/sync"}},
	"internal/sqlguard/postgres":      {inside: []string{"internal/fault", "internal/sqlguard", "internal/sqlguard/cost"}, outside: []string{"github.com/pganalyze/pg_query_go/v6", "github.com/wasilibs/go-pgquery", "google.golang.org/protobuf"}},
	"internal/sqlguard/sqlite":        {inside: []string{"internal/fault", "internal/sqlguard", "internal/sqlguard/cost"}, outside: []string{"github.com/sqlc-dev/meyer"}},
	"internal/sqlguard/mysql":         {inside: []string{"internal/fault", "internal/sqlguard", "internal/sqlguard/cost"}, outside: []string{"github.com/sqlc-dev/marino", "golang.org/x/text"}},
	"internal/sqlguard/mssql":         {inside: []string{"internal/fault", "internal/runes", "internal/sqlguard", "internal/sqlguard/cost"}, outside: []string{"github.com/sqlc-dev/teesql", "golang.org/x/text"}},
	"internal/mask":                   {inside: []string{"identity", "tool"}},
	"internal/limit":                  {inside: []string{"internal/fault", "internal/redis"}, outside: []string{"github.com/gomodule/redigo"}},
	"internal/database":               {inside: []string{"internal/egress", "internal/sqlguard", "internal/fault", "identity", "tool"}},
	"internal/pgdirect":               {outside: []string{"github.com/jackc/pgx/v5"}},
	"internal/database/postgres":      {inside: append(dialect("postgres"), "internal/pgdirect"), outside: []string{"github.com/jackc/pgx/v5"}},
	"internal/database/mysql":         {inside: dialect("mysql"), outside: []string{"github.com/go-sql-driver/mysql"}},
	"internal/database/mssql":         {inside: dialect("mssql"), outside: []string{"github.com/microsoft/go-mssqldb"}},
	"internal/database/sqlite":        {inside: dialect("sqlite"), outside: []string{"modernc.org/sqlite", "modernc.org/libc"}},
	"internal/database/databasetest":  {inside: []string{"*"}, outside: []string{"go.uber.org/goleak", "github.com/google/go-cmp"}},
	"internal/client":                 {},
	"internal/demo":                   {outside: []string{"modernc.org/sqlite"}},
	"internal/audit":                  {inside: []string{"identity", "internal/fault", "internal/seal"}},
	"internal/store":                  {inside: []string{"identity", "internal/fault", "internal/audit", "internal/seal", "internal/store", "internal/pgdirect"}, outside: []string{"github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/pressly/goose/v3", "github.com/google/uuid"}},
	"internal/tools":                  {inside: []string{"tool", "identity", "internal/fault", "internal/store"}},
	"internal/tools/offer":            {inside: []string{"tool", "identity", "internal/fault"}, outside: []string{"github.com/yosida95/uritemplate/v3"}},
	"internal/tools/sql":              {inside: []string{"tool", "identity", "internal/fault", "internal/runes", "internal/audit", "internal/store", "internal/database", "internal/sqlguard"}},
	"internal/gate":                   {inside: []string{"tool", "identity", "internal/fault", "internal/runes", "internal/limit", "internal/mask", "internal/audit"}, outside: []string{"github.com/google/jsonschema-go", "github.com/yosida95/uritemplate/v3", "golang.org/x/sync"}},
	"internal/auth":                   {inside: []string{"identity", "internal/fault", "internal/runes", "internal/store", "internal/seal", "internal/sso", "internal/limit", "internal/audit"}, outside: []string{"github.com/go-jose/go-jose/v4", "github.com/google/uuid"}},
	"internal/mcp":                    {inside: []string{"internal/gate", "internal/auth", "identity", "tool", "internal/fault", "internal/runes", "internal/httpx", "internal/audit", "internal/jsonbound", "internal/seal"}, outside: []string{"github.com/go-json-experiment/json", "github.com/google/jsonschema-go", "github.com/google/uuid"}},
	"internal/oauth":                  {inside: []string{"internal/auth", "internal/page", "internal/store", "internal/sso", "identity", "internal/fault", "internal/jsonbound", "internal/httpx", "internal/audit", "internal/limit", "internal/seal"}, outside: []string{"github.com/go-jose/go-jose/v4", "github.com/go-json-experiment/json"}},
	"internal/sso":                    {inside: []string{"internal/egress", "internal/fault", "internal/jsonbound", "internal/sso", "identity"}, outside: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"}},
	"internal/sso/ssotest":            {inside: []string{"internal/sso", "internal/fault", "identity"}, outside: []string{"github.com/go-jose/go-jose/v4"}},
	"internal/api":                    {inside: []string{"internal/auth", "internal/page", "internal/gate", "internal/store", "internal/audit", "identity", "tool", "internal/fault", "internal/httpx", "internal/limit", "internal/seal", "internal/database"}, outside: []string{"github.com/danielgtaylor/huma/v2", "github.com/go-json-experiment/json"}},
	"internal/gatewaytest":            {inside: []string{".", "identity", "tool", "internal/client", "internal/demo"}},
	"web":                             {},
	"internal/pgdirect/pgbouncertest": {},
}

func dialect(name string) []string {
	return []string{"internal/database", "internal/sqlguard", "internal/sqlguard/" + name, "internal/egress", "internal/fault", "tool"}
}

func TestLayers(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skippedFolder(path, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		checkFile(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func skippedFolder(path, name string) bool {
	return path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "examples" || name == "tests" || name == "bin")
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.ToSlash(filepath.Dir(path))
	rule, from := ruleFor(folder)
	if from == "" {
		t.Errorf("%s: no entry in the layer table", folder)
		return
	}
	for _, imp := range file.Imports {
		target := strings.Trim(imp.Path.Value, `"`)
		if inside, ok := strings.CutPrefix(target, module); ok {
			inside = strings.TrimPrefix(inside, "/")
			if inside == "" {
				inside = "."
			}
			own := inside == folder || strings.HasPrefix(inside, from+"/") || strings.HasPrefix(folder, inside+"/internal")
			if !own && !slices.Contains(rule.inside, "*") && !slices.Contains(rule.inside, inside) {
				t.Errorf("%s imports %s, which its layer may not", path, inside)
			}
		} else if strings.Contains(strings.Split(target, "/")[0], ".") && folder != "." && !hasPrefix(rule.outside, target) {
			t.Errorf("%s imports %s, which the layer table does not grant to %s", path, target, from)
		}
	}
}

// ruleFor returns the entry of the folder or of its nearest parent.
func ruleFor(folder string) (rule struct{ inside, outside []string }, from string) {
	for at := folder; ; at = filepath.ToSlash(filepath.Dir(at)) {
		if rule, ok := layers[at]; ok && (at != "." || folder == ".") {
			return rule, at
		}
		if at == "." {
			return rule, ""
		}
	}
}

func hasPrefix(list []string, path string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// TestNoInit keeps start-up readable: what exists is listed in wire.go and
// plugins.go, nothing registers itself.
func TestNoInit(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skippedFolder(path, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
