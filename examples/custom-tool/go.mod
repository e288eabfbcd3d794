module example.com/custom-tool

go 1.26

require github.com/mcp-gateway/mcp-gateway v0.0.0

replace github.com/mcp-gateway/mcp-gateway => ../..
