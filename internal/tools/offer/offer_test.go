package offer_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/tools/offer"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func prompt(name string) tool.Prompt {
	return tool.Prompt{
		Name: name, MinRole: identity.Viewer,
		Get: func(context.Context, tool.Env, map[string]string) ([]tool.Message, error) { return nil, nil },
	}
}

func resource(name, uri, template string) tool.Resource {
	return tool.Resource{
		Name: name, URI: uri, Template: template, MinRole: identity.Viewer,
		Read: func(_ context.Context, _ tool.Env, uri string, vars map[string]string) ([]tool.Contents, error) {
			raw, err := json.Marshal(vars)
			return []tool.Contents{{Text: string(raw)}}, err
		},
	}
}

func TestNewRefusesMistakes(t *testing.T) {
	nameless := prompt("p")
	nameless.Arguments = []tool.Argument{{}}
	for want, declared := range map[string]struct {
		prompts   []tool.Prompt
		resources []tool.Resource
	}{
		`two prompts are named "p"`:                        {prompts: []tool.Prompt{prompt("p"), prompt("q"), prompt("p")}},
		`prompt: tool name "p q" must match`:               {prompts: []tool.Prompt{prompt("p q")}},
		`prompt "p" has no Get`:                            {prompts: []tool.Prompt{{Name: "p", MinRole: identity.Viewer}}},
		`prompt "p" has two arguments`:                     {prompts: []tool.Prompt{nameless}},
		`two resources are named "r"`:                      {resources: []tool.Resource{resource("r", "x:1", ""), resource("r", "x:2", "")}},
		`two resources are at "x:1"`:                       {resources: []tool.Resource{resource("r", "x:1", ""), resource("s", "x:1", "")}},
		`two resources are at "x:{n}"`:                     {resources: []tool.Resource{resource("r", "", "x:{n}"), resource("s", "", "x:{n}")}},
		`resource "r" must have a URI or a Template`:       {resources: []tool.Resource{resource("r", "", "")}},
		`resource "r": "no/scheme" is not an absolute URI`: {resources: []tool.Resource{resource("r", "no/scheme", "")}},
		`resource "r": template: `:                         {resources: []tool.Resource{resource("r", "", "x:{n")}},
	} {
		if _, err := offer.New(declared.prompts, declared.resources); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestCompletionsExistWhenSomebodyProposes(t *testing.T) {
	silent, talking := prompt("silent"), prompt("talking")
	if p := mustNew(t, []tool.Prompt{silent}, nil); p.Completes() || len(mustTools(t, p)) != 1 {
		t.Error("a completion that nobody has")
	}
	talking.Complete = func(context.Context, tool.Env, string, string) ([]string, error) { return []string{"yes"}, nil }
	talking.Arguments, silent.Arguments = []tool.Argument{{Name: "a"}}, []tool.Argument{{Name: "a"}}
	p := mustNew(t, []tool.Prompt{talking, silent}, []tool.Resource{resource("pages", "", "x:{a}")})
	got := map[string][]string{}
	for _, o := range mustTools(t, p) {
		if o.Kind == tool.KindCompletion {
			got[o.Name] = mustRun(t, o, `{"name":"a","value":""}`).Values
		}
	}
	if diff := cmp.Diff(map[string][]string{"silent": nil, "talking": {"yes"}, "pages": nil}, got); diff != "" || !p.Completes() {
		t.Errorf("completions (-want +got):\n%s", diff)
	}
}

// TestCompletionsCannotAsk: the protocol has no way for it.
func TestCompletionsCannotAsk(t *testing.T) {
	p := prompt("p")
	p.Arguments = []tool.Argument{{Name: "a"}}
	p.Complete = func(ctx context.Context, env tool.Env, _, _ string) ([]string, error) {
		_, err := env.Ask(ctx, tool.Questions{"folders": tool.ListRoots()})
		return nil, err
	}
	_, err := run(mustTools(t, mustNew(t, []tool.Prompt{p}, nil))[1], client{}, `{"name":"a","value":""}`)
	if missing := (*tool.MissingCapability)(nil); !errors.As(err, &missing) {
		t.Errorf("error %v", err)
	}
}

// client can be asked anything.
type client struct{ tool.Client }

func (client) Can(tool.Capability) bool { return true }

func TestTemplateVariables(t *testing.T) {
	for _, tt := range []struct{ template, uri, want string }{
		{"x:{n}", "x:1", `{"n":"1"}`},
		{"x:{n}", "x:%C3%A9%2F", `{"n":"é/"}`},
		{"x:{n}", "x:1/2", "no member"},
		{"x:{n}", "y:1", "no member"},
		{"x:{n}", "prefix x:1", "no member"},
		{"x:{n}/{m}", "x:1/2", `{"m":"2","n":"1"}`},
		{"x:/{+path}", "x:/a/b.txt", `{"path":"a/b.txt"}`},
		{"x:{/list*}", "x:/a/b", `{"list":"a,b"}`},
		{"x:s{?q,lang}", "x:s?q=go&lang=en", `{"lang":"en","q":"go"}`},
	} {
		t.Run(tt.template+" "+tt.uri, func(t *testing.T) {
			read := mustTools(t, mustNew(t, nil, []tool.Resource{resource("r", "", tt.template)}))[0]
			args, _ := json.Marshal(map[string]string{"uri": tt.uri})
			r, err := run(read, nil, string(args))
			if tt.want == "no member" {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("%v, %v", r, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Contents[0].Text != tt.want || r.Contents[0].URI != tt.uri {
				t.Errorf("%+v, want %s", r.Contents[0], tt.want)
			}
		})
	}
}

// TestReadKeepsSharedContents: what Read returns may be the same for all calls.
func TestReadKeepsSharedContents(t *testing.T) {
	shared := []tool.Contents{{Text: "same"}}
	r := resource("r", "", "x:{n}")
	r.MIMEType = "text/plain"
	r.Read = func(context.Context, tool.Env, string, map[string]string) ([]tool.Contents, error) {
		return shared, nil
	}
	read := mustTools(t, mustNew(t, nil, []tool.Resource{r}))[0]
	for _, uri := range []string{"x:1", "x:2"} {
		got := mustRun(t, read, `{"uri":"`+uri+`"}`).Contents
		if diff := cmp.Diff([]tool.Contents{{URI: uri, MIMEType: "text/plain", Text: "same"}}, got); diff != "" {
			t.Errorf("contents (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]tool.Contents{{Text: "same"}}, shared); diff != "" {
		t.Errorf("the tool's own value changed:\n%s", diff)
	}
}

func mustNew(t *testing.T, prompts []tool.Prompt, resources []tool.Resource) *offer.Provider {
	t.Helper()
	p, err := offer.New(prompts, resources)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustTools(t *testing.T, p *offer.Provider) []tool.Tool {
	t.Helper()
	tools, err := p.Tools(t.Context(), "t1")
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

func run(o tool.Tool, c tool.Client, args string) (*tool.Result, error) {
	action, err := o.Prepare(context.Background(), tool.Env{Client: c}, json.RawMessage(args))
	if err != nil {
		return nil, err
	}
	return action.Run(context.Background())
}

func mustRun(t *testing.T, o tool.Tool, args string) *tool.Result {
	t.Helper()
	r, err := run(o, nil, args)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
