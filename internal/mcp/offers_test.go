package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
	"github.com/mcp-gateway/mcp-gateway/internal/mcp"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/offer"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

var everyOffer = mcp.Offers{Prompts: true, Resources: true, Completions: true}

func somePrompts() []tool.Prompt {
	return []tool.Prompt{
		{
			Name: "review", Title: "Review", Description: "Reviews a text.", MinRole: identity.Viewer,
			Arguments: []tool.Argument{{Name: "text", Description: "what to review", Required: true}, {Name: "tone"}},
			Get: func(_ context.Context, _ tool.Env, args map[string]string) ([]tool.Message, error) {
				return []tool.Message{
					{Content: tool.TextContent("Review " + args["text"])},
					{Role: tool.Assistant, Content: tool.Image("image/png", []byte{1, 2, 3})},
				}, nil
			},
			Complete: func(_ context.Context, _ tool.Env, _, typed string) (out []string, _ error) {
				if typed == "?" {
					return nil, nil
				}
				for i := range 120 {
					out = append(out, fmt.Sprintf("%s%03d", typed, i))
				}
				return out, nil
			},
		},
		{Name: "greet", MinRole: identity.Admin, Get: noMessages}, // named as a tool is
		{Name: "broken", MinRole: identity.Viewer, Get: func(context.Context, tool.Env, map[string]string) ([]tool.Message, error) { panic("boom") }},
		{Name: "down", MinRole: identity.Viewer, Get: func(context.Context, tool.Env, map[string]string) ([]tool.Message, error) {
			return nil, fault.New(fault.Unavailable, "the archive is closed")
		}},
		{Name: "silent", MinRole: identity.Viewer, Get: noMessages},
	}
}

func noMessages(context.Context, tool.Env, map[string]string) ([]tool.Message, error) {
	return nil, nil
}

func someResources() []tool.Resource {
	pages := map[string]string{"start": "Welcome", "a b": "Blank"}
	fixed := func(contents ...tool.Contents) func(context.Context, tool.Env, string, map[string]string) ([]tool.Contents, error) {
		return func(context.Context, tool.Env, string, map[string]string) ([]tool.Contents, error) {
			return contents, nil
		}
	}
	return []tool.Resource{
		{Name: "handbook", URI: "docs://handbook", Description: "How we work.", MIMEType: "text/markdown", MinRole: identity.Viewer, Read: fixed(tool.Contents{Text: "# Rules"})},
		{Name: "logo", URI: "docs://pages/logo", MIMEType: "image/png", MinRole: identity.Viewer, Read: fixed(tool.Contents{Blob: []byte{0, 255}}, tool.Contents{URI: "docs://pages/logo#alt", MIMEType: "text/plain", Text: "A gate"})},
		{Name: "secret", URI: "docs://pages/secret", MinRole: identity.Admin, Read: fixed(tool.Contents{Text: "hidden"})},
		{Name: "pages", Template: "docs://pages/{name}", MinRole: identity.Viewer,
			Read: func(_ context.Context, _ tool.Env, _ string, vars map[string]string) ([]tool.Contents, error) {
				text, ok := pages[vars["name"]]
				if !ok {
					return nil, fmt.Errorf("page %q: %w", vars["name"], tool.ErrNoResource)
				}
				return []tool.Contents{{Text: text}}, nil
			},
			Complete: func(_ context.Context, _ tool.Env, variable, typed string) ([]string, error) {
				return []string{variable + "=" + typed}, nil
			}},
	}
}

func startOffers(t testing.TB, prompts []tool.Prompt, resources []tool.Resource, change ...func(*mcp.Config)) *gateway {
	t.Helper()
	offers, err := offer.New(prompts, resources)
	if err != nil {
		t.Fatal(err)
	}
	change = append([]func(*mcp.Config){func(c *mcp.Config) { c.Offers = everyOffer }}, change...)
	return start(t, []tool.Provider{basicTools(), offers}, change...)
}

// request sends one request of the version and returns the status and the
// answer.
func (g *gateway) request(t *testing.T, key, version, method, subject, params string) (int, string) {
	t.Helper()
	header := []string{"MCP-Protocol-Version", version}
	if version == "2026-07-28" {
		header = append(header, "Mcp-Method", method)
		if subject != "" {
			header = append(header, "Mcp-Name", subject)
		}
		params = strings.TrimSuffix(params, "}")
		if params != "{" {
			params += ","
		}
		params += `"_meta":` + modernMeta + `}`
	}
	return statusAndBody(t, g.send(t, t.Context(), http.MethodPost, "/t/acme/mcp", key,
		`{"jsonrpc":"2.0","id":7,"method":"`+method+`","params":`+params+`}`, header...))
}

// modernEnd is how every modern result ends.
const modernEnd = `,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"mcp-gateway","title":"MCP Gateway","version":"1.2.3"}}}}`

func TestOfferLists(t *testing.T) {
	g := startOffers(t, somePrompts(), someResources())
	const (
		broken = `{"name":"broken","title":"broken","arguments":[]},{"name":"down","title":"down","arguments":[]}`
		review = `{"name":"review","title":"Review","description":"Reviews a text.","arguments":[` +
			`{"name":"text","title":"text","description":"what to review","required":true},{"name":"tone","title":"tone","required":false}]},` +
			`{"name":"silent","title":"silent","arguments":[]}`
		resources = `{"uri":"docs://handbook","name":"handbook","title":"handbook","description":"How we work.","mimeType":"text/markdown"},` +
			`{"uri":"docs://pages/logo","name":"logo","title":"logo","mimeType":"image/png"}`
		open = `{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete",`
		end  = `,"ttlMs":30000,"cacheScope":"private"` + modernEnd
	)
	g.users.set("mgw_admin", principal("admin", identity.Admin))
	tests := []struct{ name, key, version, method, want string }{
		{"prompts", viewerKey, "2026-07-28", "prompts/list", open + `"prompts":[` + broken + "," + review + `]` + end},
		{"prompts, admin", "mgw_admin", "2026-07-28", "prompts/list", open + `"prompts":[` + broken + `,{"name":"greet","title":"greet","arguments":[]},` + review + `]` + end},
		{"prompts, no titles", viewerKey, "2025-03-26", "prompts/list", `{"jsonrpc":"2.0","id":7,"result":{"prompts":[` +
			`{"name":"broken","arguments":[]},{"name":"down","arguments":[]},{"name":"review","description":"Reviews a text.","arguments":[` +
			`{"name":"text","description":"what to review","required":true},{"name":"tone","required":false}]},{"name":"silent","arguments":[]}]}}`},
		{"resources", viewerKey, "2026-07-28", "resources/list", open + `"resources":[` + resources + `]` + end},
		{"resources, admin", "mgw_admin", "2025-11-25", "resources/list", `{"jsonrpc":"2.0","id":7,"result":{"resources":[` + resources +
			`,{"uri":"docs://pages/secret","name":"secret","title":"secret"}]}}`},
		{"templates", viewerKey, "2026-07-28", "resources/templates/list", open +
			`"resourceTemplates":[{"uriTemplate":"docs://pages/{name}","name":"pages","title":"pages"}]` + end},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := g.request(t, tt.key, tt.version, tt.method, "", "{}")
			if diff := cmp.Diff(tt.want, body); status != http.StatusOK || diff != "" {
				t.Errorf("status %d (-want +got):\n%s", status, diff)
			}
		})
	}
	if names := g.audit.names(); len(names) != 0 {
		t.Errorf("lists were recorded: %v", names)
	}
	if _, body := g.request(t, viewerKey, "2026-07-28", "tools/list", "", "{}"); strings.Contains(body, "review") || strings.Contains(body, "handbook") {
		t.Errorf("an offer is listed as a tool: %s", body)
	}
}

func TestOffersAreCalledThroughTheGate(t *testing.T) {
	g := startOffers(t, somePrompts(), someResources())
	const (
		modern, legacy = "2026-07-28", "2025-11-25"
		open           = `{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete",`
		denied         = `"code":-32602,"message":"Permission denied"}`
	)
	tests := []struct {
		name, version, method, subject, params string
		status                                 int
		want, event                            string
	}{
		{"prompt", modern, "prompts/get", "review", `{"name":"review","arguments":{"text":"it"}}`, 200,
			open + `"messages":[{"role":"user","content":{"type":"text","text":"Review it"}},{"role":"assistant","content":{"type":"image","data":"AQID","mimeType":"image/png"}}]` + modernEnd, "prompt.review"},
		{"prompt without messages", legacy, "prompts/get", "silent", `{"name":"silent"}`, 200, `{"jsonrpc":"2.0","id":7,"result":{"messages":[]}}`, "prompt.silent"},
		{"argument missing", legacy, "prompts/get", "review", `{"name":"review"}`, 200,
			`"code":-32602,"message":"Input validation error: required: missing properties: [\"text\"]"}`, "prompt.review.rejected"},
		{"argument missing, modern", modern, "prompts/get", "review", `{"name":"review"}`, 400, `"code":-32602,"message":"Input validation error: `, "prompt.review.rejected"},
		{"argument unknown", legacy, "prompts/get", "review", `{"name":"review","arguments":{"text":"it","mood":"x"}}`, 200,
			`"code":-32602,"message":"Input validation error: `, "prompt.review.rejected"},
		{"argument no text", legacy, "prompts/get", "review", `{"name":"review","arguments":{"text":1}}`, 200,
			`"code":-32602,"message":"Input validation error: text: type: 1 has type \"integer\", want \"string\""}`, "prompt.review.rejected"},
		{"arguments no object", legacy, "prompts/get", "review", `{"name":"review","arguments":["text"]}`, 200, `"code":-32602`, "prompt.review.rejected"},
		{"prompt unknown", modern, "prompts/get", "nope", `{"name":"nope"}`, 400, `"code":-32602,"message":"Unknown prompt: nope"}`, "prompt.unknown.rejected"},
		{"a tool is no prompt", legacy, "prompts/get", "object", `{"name":"object"}`, 200, `"code":-32602,"message":"Unknown prompt: object"}`, "prompt.unknown.rejected"},
		{"a prompt is no tool", legacy, "tools/call", "review", `{"name":"prompt:review","arguments":{"text":"it"}}`, 200, `"code":-32602,"message":"Unknown tool: prompt:review"}`, "tool.unknown.rejected"},
		{"prompt invisible", legacy, "prompts/get", "greet", `{"name":"greet"}`, 200, denied, "prompt.greet.denied"},
		{"prompt panics", legacy, "prompts/get", "broken", `{"name":"broken"}`, 200, `"code":-32603,"message":"Error: Internal Server Error"}`, "prompt.broken.error"},
		{"prompt fails", modern, "prompts/get", "down", `{"name":"down"}`, 200, `"code":-32603,"message":"Error: the archive is closed"}`, "prompt.down.error"},

		{"resource", modern, "resources/read", "docs://handbook", `{"uri":"docs://handbook"}`, 200,
			open + `"contents":[{"uri":"docs://handbook","mimeType":"text/markdown","text":"# Rules"}],"ttlMs":0,"cacheScope":"private"` + modernEnd, "resource.handbook"},
		{"an address wins over a template", legacy, "resources/read", "", `{"uri":"docs://pages/logo"}`, 200,
			`{"jsonrpc":"2.0","id":7,"result":{"contents":[{"uri":"docs://pages/logo","mimeType":"image/png","blob":"AP8="},{"uri":"docs://pages/logo#alt","mimeType":"text/plain","text":"A gate"}]}}`, "resource.logo"},
		{"member of a family", legacy, "resources/read", "", `{"uri":"docs://pages/start"}`, 200, `"contents":[{"uri":"docs://pages/start","text":"Welcome"}]`, "resource.pages"},
		{"variables are decoded", legacy, "resources/read", "", `{"uri":"docs://pages/a%20b"}`, 200, `"text":"Blank"`, "resource.pages"},
		{"no such member", legacy, "resources/read", "", `{"uri":"docs://pages/end"}`, 200,
			`"code":-32002,"message":"Resource not found: docs://pages/end","data":{"uri":"docs://pages/end"}}`, "resource.pages.error"},
		{"no such resource", legacy, "resources/read", "", `{"uri":"docs://nope"}`, 200, `"code":-32002,"message":"Resource not found: docs://nope","data":{"uri":"docs://nope"}}`, "resource.unknown.rejected"},
		{"no such resource, modern", modern, "resources/read", "docs://nope", `{"uri":"docs://nope"}`, 400, `"code":-32602,"message":"Resource not found: docs://nope","data":{"uri":"docs://nope"}}`, "resource.unknown.rejected"},
		{"a template is no address", legacy, "resources/read", "", `{"uri":"docs://pages/{name}"}`, 200, `"code":-32002`, "resource.unknown.rejected"},
		{"a name is no address", legacy, "resources/read", "", `{"uri":"handbook"}`, 200, `"code":-32002`, "resource.unknown.rejected"},
		{"too long to be compared", legacy, "resources/read", "", `{"uri":"docs://pages/` + strings.Repeat("x", 3000) + `"}`, 200, `"code":-32002`, "resource.unknown.rejected"},
		{"resource invisible", legacy, "resources/read", "", `{"uri":"docs://pages/secret"}`, 200, denied, "resource.secret.denied"},

		{"completion", modern, "completion/complete", "", `{"ref":{"type":"ref/prompt","name":"review"},"argument":{"name":"tone","value":"?"}}`, 200,
			open + `"completion":{"values":[],"total":0,"hasMore":false}` + modernEnd, "completion.review"},
		{"completion, too many", legacy, "completion/complete", "", `{"ref":{"type":"ref/prompt","name":"review"},"argument":{"name":"tone","value":"k"},"context":{"arguments":{}}}`, 200,
			`"k099"],"total":120,"hasMore":true}}}`, "completion.review"},
		{"completion of a template", legacy, "completion/complete", "", `{"ref":{"type":"ref/resource","uri":"docs://pages/{name}"},"argument":{"name":"name","value":"st"}}`, 200,
			`"completion":{"values":["name=st"],"total":1,"hasMore":false}`, "completion.pages"},
		{"nobody proposes", legacy, "completion/complete", "", `{"ref":{"type":"ref/resource","uri":"docs://handbook"},"argument":{"name":"name","value":""}}`, 200,
			`"code":-32602,"message":"There is no argument of this name"}`, "completion.handbook.rejected"},
		{"completion without value", legacy, "completion/complete", "", `{"ref":{"type":"ref/prompt","name":"review"},"argument":{"name":"tone"}}`, 200, `"code":-32602,"message":"Input validation error: `, "completion.review.rejected"},
		{"completion of nothing", modern, "completion/complete", "", `{"ref":{"type":"ref/prompt","name":"nope"},"argument":{"name":"tone","value":""}}`, 400, `"code":-32602,"message":"Unknown prompt: nope"}`, "completion.unknown.rejected"},
		{"completion invisible", legacy, "completion/complete", "", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"tone","value":""}}`, 200, denied, "completion.greet.denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(g.audit.names())
			status, body := g.request(t, viewerKey, tt.version, tt.method, tt.subject, tt.params)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %.500s\nwant %d …%s…", status, body, tt.status, tt.want)
			}
			if diff := cmp.Diff([]string{tt.event}, g.audit.names()[before:]); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMalformedOfferCalls never reach the gate.
func TestMalformedOfferCalls(t *testing.T) {
	g := startOffers(t, somePrompts(), someResources())
	const modern, legacy = "2026-07-28", "2025-11-25"
	for name, tt := range map[string]struct {
		version, method, subject, params string
		code                             int
	}{
		"no name":                      {legacy, "prompts/get", "", `{}`, -32602},
		"no address":                   {legacy, "resources/read", "", `{"uri":5}`, -32602},
		"header of another prompt":     {modern, "prompts/get", "silent", `{"name":"review"}`, -32020},
		"header of another resource":   {modern, "resources/read", "docs://handbook", `{"uri":"docs://pages/start"}`, -32020},
		"no header":                    {modern, "resources/read", "", `{"uri":"docs://handbook"}`, -32020},
		"nothing to complete":          {legacy, "completion/complete", "", `{"argument":{"name":"tone","value":""}}`, -32602},
		"no argument":                  {legacy, "completion/complete", "", `{"ref":{"type":"ref/prompt","name":"review"}}`, -32602},
		"reference to something else":  {legacy, "completion/complete", "", `{"ref":{"type":"ref/tool","name":"greet"},"argument":{"name":"tone","value":""}}`, -32602},
		"reference without its member": {legacy, "completion/complete", "", `{"ref":{"type":"ref/prompt","uri":"x:y"},"argument":{"name":"tone","value":""}}`, -32602},
		"case smuggled":                {legacy, "resources/read", "", `{"URI":"docs://handbook"}`, -32600},
		"bad cursor":                   {legacy, "prompts/list", "", `{"cursor":"AAAA"}`, -32602},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := g.request(t, viewerKey, tt.version, tt.method, tt.subject, tt.params)
			if !strings.Contains(body, fmt.Sprintf(`"code":%d,`, tt.code)) {
				t.Errorf("%s, want %d", body, tt.code)
			}
			if names := g.audit.names(); len(names) != 0 {
				t.Errorf("recorded: %v", names)
			}
		})
	}
}

// TestOffersThatABuildLacks: each feature is there or not by itself.
func TestOffersThatABuildLacks(t *testing.T) {
	methods := map[string]string{
		"prompts/list": "prompts", "prompts/get": "prompts", "completion/complete": "completions",
		"resources/list": "resources", "resources/templates/list": "resources", "resources/read": "resources",
	}
	for _, offers := range []mcp.Offers{{}, {Prompts: true}, {Resources: true}, {Completions: true}} {
		g := startOffers(t, somePrompts(), someResources(), func(c *mcp.Config) { c.Offers = offers })
		has := map[string]bool{"prompts": offers.Prompts, "resources": offers.Resources, "completions": offers.Completions}
		for method, feature := range methods {
			for version, want := range map[string]int{"2026-07-28": http.StatusNotFound, "2025-06-18": http.StatusOK} {
				status, body := g.request(t, viewerKey, version, method, "x", `{"name":"x","uri":"x"}`)
				missing := status == want && strings.Contains(body, `"code":-32601`)
				if missing == has[feature] {
					t.Errorf("%+v: %s in %s = %d %s", offers, method, version, status, body)
				}
			}
		}
		_, discover := g.request(t, viewerKey, "2026-07-28", "server/discover", "", "{}")
		_, initialize := g.request(t, viewerKey, "2025-06-18", "initialize", "", `{"protocolVersion":"2025-06-18"}`)
		for feature := range has {
			for _, body := range []string{discover, initialize} {
				if announced := strings.Contains(body, `"`+feature+`":{}`); announced != has[feature] {
					t.Errorf("%+v: %s announced: %v in %s", offers, feature, announced, body)
				}
			}
		}
	}
}

// limitEverything is a limiter that is always full.
type limitEverything struct{}

func (limitEverything) TakeTool(context.Context, gate.Caller) error {
	return fault.New(fault.RateLimited, "Rate limit exceeded: 3 per 1 minute")
}

func TestOfferRefusalsOfTheGate(t *testing.T) {
	limited := func(c *mcp.Config) {
		offers, _ := offer.New(somePrompts(), nil)
		catalog := gate.NewCatalog([]tool.Provider{offers}, noOverrides{})
		c.Gate = gate.New(gate.Config{Catalog: catalog, Recorder: c.Audit, Limiter: limitEverything{}, Logger: c.Logger, Now: c.Now})
	}
	g := startOffers(t, somePrompts(), nil, limited)
	if _, body := g.request(t, viewerKey, "2025-11-25", "prompts/get", "", `{"name":"silent"}`); !strings.Contains(body, `"code":-32603,"message":"Rate limit exceeded: 3 per 1 minute"}`) {
		t.Errorf("limited: %s", body)
	}
	g = startOffers(t, nil, someResources())
	g.audit.err = errors.New("disk full")
	status, body := g.request(t, viewerKey, "2026-07-28", "resources/read", "docs://handbook", `{"uri":"docs://handbook"}`)
	if status != http.StatusOK || !strings.Contains(body, `"code":-32603,"message":"Error: audit log unavailable"}`) || strings.Contains(body, "Rules") {
		t.Errorf("not recorded: %d %s", status, body)
	}
}

// TestOfferPages walks lists of more than a page.
func TestOfferPages(t *testing.T) {
	var prompts []tool.Prompt
	var resources []tool.Resource
	for i := range 250 {
		name := fmt.Sprintf("n%03d", i)
		read := someResources()[0].Read
		prompts = append(prompts, tool.Prompt{Name: name, MinRole: identity.Viewer, Get: noMessages})
		resources = append(resources, tool.Resource{Name: name, URI: "x:" + name, MinRole: identity.Viewer, Read: read},
			tool.Resource{Name: "t" + name, Template: "y:" + name + "/{v}", MinRole: identity.Viewer, Read: read})
	}
	g := startOffers(t, prompts, resources)
	for method, member := range map[string]string{"prompts/list": "prompts", "resources/list": "resources", "resources/templates/list": "resourceTemplates"} {
		var sizes []int
		seen := map[string]bool{}
		for params, more := "{}", true; more; {
			_, body := g.request(t, viewerKey, "2026-07-28", method, "", params)
			var page struct{ Result map[string]json.RawMessage }
			var items []struct{ Name string }
			if err := json.Unmarshal([]byte(body), &page); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(page.Result[member], &items); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			for _, item := range items {
				seen[item.Name] = true
			}
			sizes = append(sizes, len(items))
			cursor, ok := page.Result["nextCursor"]
			params, more = `{"cursor":`+string(cursor)+`}`, ok
		}
		if diff := cmp.Diff([]int{200, 50}, sizes); diff != "" || len(seen) != 250 {
			t.Errorf("%s: %d items on pages (-want +got):\n%s", method, len(seen), diff)
		}
	}
}

// TestOfferOverSSE reads a resource in an HTTP+SSE session.
func TestOfferOverSSE(t *testing.T) {
	g := startOffers(t, somePrompts(), someResources())
	e, endpoint := g.openSSE(t, "/t/acme/mcp/sse", viewerKey)
	g.send(t, t.Context(), http.MethodPost, endpoint, viewerKey, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"docs://handbook"}}`)
	want := `{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"docs://handbook","mimeType":"text/markdown","text":"# Rules"}]}}`
	if got := e.message(t); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
