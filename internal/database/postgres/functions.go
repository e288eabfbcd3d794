package postgres

import (
	"context"
	_ "embed"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

//go:embed functions.sql
var functionsSQL string

// signatureSQL and hashSQL are expressions for a function p in a schema n.
//
//go:embed signature.sql
var signatureSQL string

//go:embed hash.sql
var hashSQL string

// Functions lists the functions that an administrator could allow; see
// [database.Conn].
func (c *conn) Functions(ctx context.Context) ([]database.Function, error) {
	known := guard.KnownNames()
	sql := strings.NewReplacer(
		"$signature", signatureSQL,
		"$hash", hashSQL,
		"$functions", nameArray(known.Functions),
		"$extensions", nameArray(known.Extensions),
	).Replace(functionsSQL)
	var all []database.Function
	err := c.catalogue(ctx, sql, func(values [][]byte) error {
		all = append(all, database.Function{
			Signature: string(values[0]), Returns: string(values[1]), Volatility: string(values[2]),
			Language: string(values[3]), Source: string(values[4]), Hash: string(values[5]),
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b database.Function) int { return strings.Compare(a.Signature, b.Signature) })
	return all, nil
}
