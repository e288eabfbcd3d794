// Command mcp-gateway stands between AI assistants and an organisation's
// tools. Run it with "help" for its commands.
package main

import gateway "github.com/mcp-gateway/mcp-gateway"

// version is set by the build.
var version = "dev"

func main() { gateway.Main(gateway.WithVersion(version)) }
