package everything

import (
	"context"
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func prompts() []tool.Prompt {
	said := func(c tool.Content) tool.Message { return tool.Message{Role: tool.User, Content: c} }
	text := func(s string) tool.Message { return said(tool.TextContent(s)) }
	return []tool.Prompt{
		{
			Name: "test_simple_prompt", Description: "A prompt without arguments", MinRole: identity.Viewer,
			Get: func(context.Context, tool.Env, map[string]string) ([]tool.Message, error) {
				return []tool.Message{text("This is a simple prompt for testing.")}, nil
			},
		},
		{
			Name: "test_prompt_with_arguments", Description: "A prompt with arguments", MinRole: identity.Viewer,
			Arguments: []tool.Argument{
				{Name: "arg1", Description: "First test argument", Required: true},
				{Name: "arg2", Description: "Second test argument", Required: true},
			},
			Get: func(_ context.Context, _ tool.Env, args map[string]string) ([]tool.Message, error) {
				return []tool.Message{text(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", args["arg1"], args["arg2"]))}, nil
			},
			Complete: func(_ context.Context, _ tool.Env, _, typed string) ([]string, error) {
				return beginning(typed, "paris", "park", "party", "test", "testing"), nil
			},
		},
		{
			Name: "test_prompt_with_embedded_resource", Description: "A prompt with a resource", MinRole: identity.Viewer,
			Arguments: []tool.Argument{{Name: "resourceUri", Description: "URI of the resource to embed", Required: true}},
			Get: func(_ context.Context, _ tool.Env, args map[string]string) ([]tool.Message, error) {
				embedded := tool.Contents{URI: args["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing."}
				return []tool.Message{said(tool.Embed(embedded)), text("Please process the embedded resource above.")}, nil
			},
		},
		{
			Name: "test_prompt_with_image", Description: "A prompt with an image", MinRole: identity.Viewer,
			Get: func(context.Context, tool.Env, map[string]string) ([]tool.Message, error) {
				return []tool.Message{said(tool.Image("image/png", decode(redPixel))), text("Please analyze the image above.")}, nil
			},
		},
		{
			Name: "test_input_required_result_prompt", Description: "A prompt that asks", MinRole: identity.Viewer, Interactive: true,
			Get: func(ctx context.Context, env tool.Env, _ map[string]string) ([]tool.Message, error) {
				answers, err := env.Ask(ctx, tool.Questions{"user_context": form("What context should the prompt use?", "context", "string")})
				if err != nil {
					return nil, err
				}
				return []tool.Message{text("Use this context: " + string(answers["user_context"]))}, nil
			},
		},
	}
}

func beginning(typed string, words ...string) (found []string) {
	for _, w := range words {
		if strings.HasPrefix(w, typed) {
			found = append(found, w)
		}
	}
	return found
}

func resources() []tool.Resource {
	fixed := func(c tool.Contents) func(context.Context, tool.Env, string, map[string]string) ([]tool.Contents, error) {
		return func(context.Context, tool.Env, string, map[string]string) ([]tool.Contents, error) {
			return []tool.Contents{c}, nil
		}
	}
	read := func(name, uri string, c tool.Contents) tool.Resource {
		c.URI = uri
		return tool.Resource{
			Name: name, Description: "The resource " + uri, URI: uri, MIMEType: c.MIMEType, MinRole: identity.Viewer, Read: fixed(c),
		}
	}
	watched := read("watched-resource", "test://watched-resource", tool.Contents{MIMEType: "text/plain", Text: "Watched resource content"})
	watched.Watch = func(ctx context.Context, _ func(string)) error { // it never changes
		<-ctx.Done()
		return nil
	}
	return []tool.Resource{
		watched,
		read("static-text", "test://static-text", tool.Contents{MIMEType: "text/plain", Text: "This is the content of the static text resource."}),
		read("static-binary", "test://static-binary", tool.Contents{MIMEType: "image/png", Blob: decode(redPixel)}),
		{
			Name: "template", Description: "A family of resources", Template: "test://template/{id}/data",
			MIMEType: "application/json", MinRole: identity.Viewer,
			Read: func(_ context.Context, _ tool.Env, uri string, vars map[string]string) ([]tool.Contents, error) {
				return []tool.Contents{{
					URI: uri, MIMEType: "application/json",
					Text: fmt.Sprintf(`{"id":%q,"templateTest":true,"data":"Data for ID: %s"}`, vars["id"], vars["id"]),
				}}, nil
			},
		},
	}
}
