package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// offeringBuild is a build with prompts and resources.
func offeringBuild() []gateway.Option {
	sure := json.RawMessage(`{"type":"object","properties":{"sure":{"type":"boolean"}},"required":["sure"]}`)
	says := func(text string) []tool.Message {
		return []tool.Message{{Role: tool.User, Content: tool.TextContent(text)}}
	}
	return []gateway.Option{
		gateway.WithPrompts(
			tool.Prompt{
				Name: "review", Description: "Reviews a text.", MinRole: identity.Viewer,
				Arguments: []tool.Argument{{Name: "text", Required: true}},
				Get: func(_ context.Context, env tool.Env, args map[string]string) ([]tool.Message, error) {
					return says("Review " + args["text"] + " for " + env.Principal.Email), nil
				},
				Complete: func(_ context.Context, _ tool.Env, _, typed string) ([]string, error) {
					return []string{typed + "-1", typed + "-2"}, nil
				},
			},
			tool.Prompt{
				Name: "incident", MinRole: identity.Admin,
				Get: func(context.Context, tool.Env, map[string]string) ([]tool.Message, error) {
					return says("Stay calm"), nil
				},
			},
			tool.Prompt{
				Name: "asking", MinRole: identity.Viewer, Interactive: true,
				Get: func(ctx context.Context, env tool.Env, _ map[string]string) ([]tool.Message, error) {
					answers, err := env.Ask(ctx, tool.Questions{"sure": tool.Form("Sure?", sure)})
					if err != nil {
						return nil, err
					}
					var said struct{ Sure bool }
					_, err = answers.Form("sure", &said)
					return says(fmt.Sprintf("sure: %v", said.Sure)), err
				},
			},
		),
		gateway.WithResources(
			tool.Resource{
				Name: "logo", URI: "brand://logo", MIMEType: "image/png", MinRole: identity.Viewer,
				Read: func(context.Context, tool.Env, string, map[string]string) ([]tool.Contents, error) {
					return []tool.Contents{{Blob: []byte{0, 1, 255}}}, nil
				},
			},
			tool.Resource{
				Name: "tenant", Template: "tenant://{slug}/name", MinRole: identity.Viewer,
				Read: func(_ context.Context, env tool.Env, _ string, vars map[string]string) ([]tool.Contents, error) {
					if vars["slug"] != env.Principal.Slug {
						return nil, tool.ErrNoResource
					}
					return []tool.Contents{{Text: "This is " + vars["slug"]}}, nil
				},
			},
		),
	}
}

// offersOf connects the official client as the user.
func offersOf(t *testing.T, g *gatewaytest.Gateway, who *client.Client, slug, version string) *sdk.ClientSession {
	t.Helper()
	_, key := mustKey(t, who, t.Name())
	transport := &sdk.StreamableClientTransport{Endpoint: g.Base + "/t/" + slug + "/mcp", HTTPClient: &http.Client{Transport: bearer(key)}}
	c := sdk.NewClient(&sdk.Implementation{Name: "offers", Version: "1"}, &sdk.ClientOptions{
		ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"sure": true}}, nil
		},
	})
	session, err := c.Connect(t.Context(), transport, &sdk.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// TestOfficialClientUsesOffers drives all methods, in both eras.
func TestOfficialClientUsesOffers(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{Gateway: offeringBuild()})
	for _, version := range []string{"2026-07-28", "2025-11-25"} {
		t.Run(version, func(t *testing.T) {
			viewer, admin := offersOf(t, g, g.Viewer, "acme", version), offersOf(t, g, g.Admin, "acme", version)
			if can := viewer.InitializeResult().Capabilities; can.Prompts == nil || can.Resources == nil || can.Completions == nil {
				t.Errorf("capabilities: %+v", can)
			}
			for who, want := range map[*sdk.ClientSession][]string{viewer: {"asking", "review"}, admin: {"asking", "incident", "review"}} {
				if diff := cmp.Diff(want, promptsOf(t, who)); diff != "" {
					t.Errorf("prompts (-want +got):\n%s", diff)
				}
			}
			if got := promptText(t, viewer, "review", map[string]string{"text": "it"}); got != "Review it for viewer@acme.test" {
				t.Errorf("review: %q", got)
			}
			if got := promptText(t, viewer, "asking", nil); got != "sure: true" {
				t.Errorf("asking: %q", got)
			}
			_, err := viewer.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "incident"})
			wantRPC(t, err, -32602, "Permission denied")
			_, err = viewer.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "nothing"})
			wantRPC(t, err, -32602, "Unknown prompt: nothing")
			useResources(t, viewer, version)
			done, err := viewer.Complete(t.Context(), &sdk.CompleteParams{
				Ref:      &sdk.CompleteReference{Type: "ref/prompt", Name: "review"},
				Argument: sdk.CompleteParamsArgument{Name: "text", Value: "draft"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"draft-1", "draft-2"}, done.Completion.Values); diff != "" || done.Completion.Total != 2 {
				t.Errorf("completion: %+v", done.Completion)
			}
		})
	}
	var asked int
	for _, e := range mustAudit(t, g.Admin, "prompt,resource,completion") {
		if e.Event == "prompt.asking.input_required" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("%d records of a question, want the one of 2026-07-28", asked)
	}
}

func promptsOf(t *testing.T, s *sdk.ClientSession) (names []string) {
	t.Helper()
	list, err := s.ListPrompts(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Prompts {
		names = append(names, p.Name)
	}
	return names
}

func promptText(t *testing.T, s *sdk.ClientSession, name string, args map[string]string) string {
	t.Helper()
	r, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: name, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	return r.Messages[0].Content.(*sdk.TextContent).Text
}

func useResources(t *testing.T, s *sdk.ClientSession, version string) {
	t.Helper()
	resources, err := s.ListResources(t.Context(), nil)
	if err != nil || len(resources.Resources) != 1 || resources.Resources[0].URI != "brand://logo" {
		t.Errorf("resources: %+v, %v", resources, err)
	}
	templates, err := s.ListResourceTemplates(t.Context(), nil)
	if err != nil || len(templates.ResourceTemplates) != 1 || templates.ResourceTemplates[0].URITemplate != "tenant://{slug}/name" {
		t.Errorf("templates: %+v, %v", templates, err)
	}
	for uri, want := range map[string]sdk.ResourceContents{
		"brand://logo":       {URI: "brand://logo", MIMEType: "image/png", Blob: []byte{0, 1, 255}},
		"tenant://acme/name": {URI: "tenant://acme/name", Text: "This is acme"},
	} {
		r, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, r.Contents[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", uri, diff)
		}
	}
	code := int64(-32602)
	if version < "2026" {
		code = -32002
	}
	_, err = s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "tenant://other/name"})
	wantRPC(t, err, code, "Resource not found: tenant://other/name")
}

func wantRPC(t *testing.T, err error, code int64, message string) {
	t.Helper()
	var rpc *jsonrpc.Error
	if !errors.As(err, &rpc) || rpc.Code != code || rpc.Message != message {
		t.Errorf("%v, want %d %s", err, code, message)
	}
}

func mustAudit(t *testing.T, who *client.Client, prefixes string) []client.AuditEntry {
	t.Helper()
	entries, err := who.Audit(t.Context(), prefixes)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// TestOffersOfTwoTenants: the same offers act for, and are recorded in, the
// tenant of their caller.
func TestOffersOfTwoTenants(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{Gateway: offeringBuild()})
	if _, err := g.Anonymous.Register(t.Context(), "Other", "other", "boss@other.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	boss, err := g.Anonymous.Login(t.Context(), "other", "boss@other.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	theirs := offersOf(t, g, boss, "other", "2025-11-25")
	r, err := theirs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "tenant://other/name"})
	if err != nil || r.Contents[0].Text != "This is other" {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = theirs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "tenant://acme/name"})
	wantRPC(t, err, -32002, "Resource not found: tenant://acme/name")
	var events []string
	for _, e := range mustAudit(t, boss, "resource") {
		events = append(events, e.Event)
	}
	slices.Sort(events)
	if diff := cmp.Diff([]string{"resource.tenant", "resource.tenant.error"}, events); diff != "" {
		t.Errorf("records of the other tenant (-want +got):\n%s", diff)
	}
	if entries := mustAudit(t, g.Admin, "resource"); len(entries) != 0 {
		t.Errorf("records of acme: %v", entries)
	}
}

// TestManagementShowsToolsOnly: offers have no rules to override.
func TestManagementShowsToolsOnly(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{Gateway: offeringBuild()})
	var tools json.RawMessage
	if err := g.Admin.Do(t.Context(), http.MethodGet, "/api/v1/tools", nil, &tools); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(tools), "review") || strings.Contains(string(tools), "logo") {
		t.Errorf("tools: %s", tools)
	}
	var answer *client.Error
	for _, name := range []string{"review", "prompt:review"} {
		err := g.Admin.Do(t.Context(), http.MethodPatch, "/api/v1/tools/"+name, map[string]string{"min_role": "admin"}, nil)
		if !errors.As(err, &answer) || answer.Status != http.StatusNotFound {
			t.Errorf("override of %s: %v", name, err)
		}
	}
}

// TestStockBuildOffersToolsOnly, as contract 6.2 says.
func TestStockBuildOffersToolsOnly(t *testing.T) {
	g := gatewaytest.Start(t, gatewaytest.Options{})
	s := offersOf(t, g, g.Admin, "acme", "2025-11-25")
	if can := s.InitializeResult().Capabilities; can.Prompts != nil || can.Resources != nil || can.Completions != nil {
		t.Errorf("capabilities: %+v", can)
	}
	_, err := s.ListPrompts(t.Context(), nil)
	wantRPC(t, err, -32601, "Method not found: prompts/list")
	_, err = s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "brand://logo"})
	wantRPC(t, err, -32601, "Method not found: resources/read")
}

// TestWrongOfferStopsTheStart, before anything is served.
func TestWrongOfferStopsTheStart(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir(), "BASE_URL": "http://127.0.0.1:1", "PORT": "1"}
	err := gateway.Run(t.Context(), []string{"serve"}, func(name string) string { return env[name] }, io.Discard,
		gateway.WithPrompts(tool.Prompt{Name: "empty", MinRole: identity.Viewer}))
	if err == nil || err.Error() != `prompt "empty" has no Get` {
		t.Errorf("error %v", err)
	}
}
