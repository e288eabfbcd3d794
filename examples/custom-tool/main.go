// Command custom-tool is a gateway with a tool of its own: this file is all it
// takes. The tool gets the role check, the argument check, the limits, the
// timeout and the audit record of every other tool.
package main

import (
	"context"
	"fmt"

	gateway "github.com/mcp-gateway/mcp-gateway"
	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

type quote struct {
	Net     float64 `json:"net" jsonschema:"net amount, in euros"`
	Country string  `json:"country" jsonschema:"two-letter country code"`
}

func main() {
	vat := map[string]float64{"DE": 0.19, "FR": 0.20, "LU": 0.17}
	gateway.Main(gateway.WithTools(
		tool.Func("gross_price", "Adds the VAT of a country to a net amount.", identity.Viewer,
			func(_ context.Context, env tool.Env, in quote) (*tool.Result, error) {
				rate, ok := vat[in.Country]
				if !ok {
					return &tool.Result{Text: "No VAT rate known for " + in.Country, IsError: true}, nil
				}
				return tool.Text(fmt.Sprintf("%.2f EUR for %s", in.Net*(1+rate), env.Principal.Email)), nil
			}),
	))
}
