// Command conformance is a gateway with everything that MCP has for a server:
// the tools, prompts and resources which the official conformance runner looks
// for. It runs and is configured as the gateway is.
//
//	MCPGW_ADMIN_KEY  API key of an administrator, with which the tool
//	                 test_trigger_tool_change changes a role; without it that
//	                 tool fails
package main

import (
	"context"
	"errors"
	"os"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/tests/conformance/everything"
)

func main() {
	gateway.Main(everything.Options(func(ctx context.Context) error {
		key := os.Getenv("MCPGW_ADMIN_KEY")
		if key == "" {
			return errors.New("MCPGW_ADMIN_KEY is not set")
		}
		admin := &client.Client{Base: os.Getenv("BASE_URL"), Credential: key}
		return everything.ChangeTools(ctx, admin)
	})...)
}
