// Package everything holds what the official conformance runner expects of a
// server: its fixture tools, prompts and resources, by the names and texts
// that its scenarios give (@modelcontextprotocol/conformance).
package everything

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Options are what makes a gateway a conformance build. changeTools makes the
// list of tools another one (see [ChangeTools]).
func Options(changeTools func(context.Context) error) []gateway.Option {
	return []gateway.Option{
		gateway.WithTools(slices.Concat(contentTools(), speakingTools(), askingTools(), roundTools(), []tool.Tool{
			schemaTool(), headerTool(), triggerTool(changeTools),
		})...),
		gateway.WithPrompts(prompts()...),
		gateway.WithResources(resources()...),
	}
}

// ChangeTools gives one tool another role, so that viewers see another list.
func ChangeTools(ctx context.Context, admin *client.Client) error {
	const name = "test_changing_tool"
	var tools []struct {
		Name string `json:"tool_name"`
		Rule string `json:"effective_min_role"`
	}
	if err := admin.Do(ctx, http.MethodGet, "/tools/", nil, &tools); err != nil {
		return err
	}
	role := "admin"
	for _, t := range tools {
		if t.Name == name && t.Rule == role {
			role = "viewer"
		}
	}
	return admin.Do(ctx, http.MethodPatch, "/tools/"+name, map[string]any{"min_role": role}, nil)
}

type none struct{}

// say is a tool that takes nothing and always returns the same.
func say(name, description string, result *tool.Result) tool.Tool {
	return tool.Func(name, description, identity.Viewer, func(context.Context, tool.Env, none) (*tool.Result, error) {
		return result, nil
	})
}

func contentTools() []tool.Tool {
	image := tool.Image("image/png", decode(redPixel))
	return []tool.Tool{
		say("test_simple_text", "Returns a text", tool.Text("This is a simple text response for testing.")),
		say("test_image_content", "Returns an image", tool.Blocks(image)),
		say("test_audio_content", "Returns a sound", tool.Blocks(tool.Audio("audio/wav", decode(silence)))),
		say("test_embedded_resource", "Returns a resource", tool.Blocks(tool.Embed(tool.Contents{
			URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content.",
		}))),
		say("test_multiple_content_types", "Returns a text, an image and a resource", tool.Blocks(
			tool.TextContent("Multiple content types test:"), image, tool.Embed(tool.Contents{
				URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`,
			}),
		)),
		say("test_changing_tool", "Is there for viewers and analysts every second time", tool.Text("Still here")),
		say("test_error_handling", "Always fails", &tool.Result{Text: "This tool intentionally returns an error for testing", IsError: true}),
	}
}

// pause is how long a fixture works between two messages.
const pause = 50 * time.Millisecond

// work waits for a pause, unless the call ends.
func work(ctx context.Context) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func speakingTools() []tool.Tool {
	tools := []tool.Tool{
		tool.Func("test_tool_with_progress", "Reports progress", identity.Viewer, func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
			for _, done := range []float64{0, 50, 100} {
				env.Progress(done, 100, fmt.Sprintf("Completed step %g of 100", done))
				if err := work(ctx); err != nil {
					return nil, err
				}
			}
			return tool.Text("Tool with progress executed successfully"), nil
		}),
		tool.Func("test_tool_with_logging", "Sends log messages", identity.Viewer, logs),
		tool.Func("test_logging_tool", "Sends log messages", identity.Viewer, logs),
	}
	return interactive(tools)
}

func logs(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
	for _, text := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
		env.Log(tool.Info, "conformance", text)
		if err := work(ctx); err != nil {
			return nil, err
		}
	}
	return tool.Text("Tool with logging executed successfully"), nil
}

func interactive(tools []tool.Tool) []tool.Tool {
	for i := range tools {
		tools[i].Interactive = true
	}
	return tools
}

func triggerTool(change func(context.Context) error) tool.Tool {
	return tool.Func("test_trigger_tool_change", "Changes the list of tools", identity.Viewer, func(ctx context.Context, _ tool.Env, _ none) (*tool.Result, error) {
		if err := change(ctx); err != nil {
			return nil, fmt.Errorf("change tools: %w", err)
		}
		return tool.Text("The list of tools has changed"), nil
	})
}

// schemaTool has an input schema that uses what JSON Schema 2020-12 added.
func schemaTool() tool.Tool {
	t := tool.Func("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", identity.Viewer, func(_ context.Context, _ tool.Env, in map[string]any) (*tool.Result, error) {
		return tool.JSON(in)
	})
	t.Schema = json.RawMessage(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type": "object",
		"$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
		"properties": {
			"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"},
			"contactMethod": {"type": "string", "enum": ["phone", "email"]}, "phone": {"type": "string"}, "email": {"type": "string"}
		},
		"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
		"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
		"then": {"required": ["phone"]},
		"else": {"required": ["email"]},
		"additionalProperties": false
	}`)
	return t
}

// headerTool has an argument that clients repeat in a header (2026-07-28).
func headerTool() tool.Tool {
	type in struct {
		Region string `json:"region"`
	}
	t := tool.Func("test_param_header", "Says where it is", identity.Viewer, func(_ context.Context, _ tool.Env, in in) (*tool.Result, error) {
		return tool.Text("in " + in.Region), nil
	})
	t.Schema = json.RawMessage(`{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}},"required":["region"]}`)
	return t
}

// The smallest picture and the shortest sound.
const (
	redPixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	silence  = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
)

func decode(base64Text string) []byte {
	b, err := base64.StdEncoding.DecodeString(base64Text)
	if err != nil {
		panic(err) // a mistake in this file
	}
	return b
}
