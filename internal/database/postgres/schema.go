package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

//go:embed schema.sql
var schemaSQL string

// Schema reads the catalogue in one statement; see [database.Conn]. What else
// is known of the catalogue is as old as the schema before and goes with it.
func (c *conn) Schema(ctx context.Context) (*database.Schema, error) {
	c.stored.Drop()
	schema := &database.Schema{Tables: []database.Table{}}
	limited := strconv.FormatBool(c.target.searchPath != "")
	err := c.catalogue(ctx, strings.Replace(schemaSQL, "$path", limited, 1), func(values [][]byte) error {
		var table database.Table
		if err := json.Unmarshal(values[0], &table); err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		schema.Tables = append(schema.Tables, table)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return schema, nil
}
