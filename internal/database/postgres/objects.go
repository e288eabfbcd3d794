package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

//go:embed objects.sql
var objectsSQL string

// knownSQL is the part of objects.sql and closure.sql that tells the members
// of known extensions.
//
//go:embed known.sql
var knownSQL string

// storedCode is what the catalogue tells of code that users have stored.
type storedCode struct {
	objects *guard.Objects
	closure *closure
}

// judge refuses an accepted statement that would run what users have defined
// in this database, by its name, through what it reads or without either
// (contract 6.5).
func (c *conn) judge(ctx context.Context, stmt *sqlguard.Statement) error {
	if !guard.Concerns(stmt) {
		return nil
	}
	_, err := c.judgeStored(ctx, stmt)
	return err
}

// judgeStored is judge with what it knows by then. A statement that names
// something new has the catalogue read again.
func (c *conn) judgeStored(ctx context.Context, stmt *sqlguard.Statement) (*storedCode, error) {
	code := c.stored.Peek(database.CatalogueLife)
	if code != nil && code.closure.misses(stmt) {
		c.stored.Drop()
		code = nil
	}
	if code == nil {
		var err error
		if code, err = c.stored.Get(ctx, database.CatalogueLife, c.readStoredCode); err != nil {
			return nil, err
		}
	}
	if err := code.objects.Judge(stmt); err != nil {
		return nil, err
	}
	return code, code.closure.judge(stmt)
}

// Relations lists what stmt reads; see [database.Conn].
func (c *conn) Relations(ctx context.Context, stmt *sqlguard.Statement) ([]string, error) {
	if len(stmt.Tables) == 0 {
		return nil, nil
	}
	code, err := c.judgeStored(ctx, stmt)
	if err != nil {
		return nil, err
	}
	return code.closure.expand(stmt.Tables), nil
}

func (c *conn) readStoredCode(ctx context.Context) (*storedCode, error) {
	closure, err := c.readClosure(ctx)
	if err != nil {
		return nil, err
	}
	objects, err := c.readObjects(ctx, closure.allowed)
	if err != nil {
		return nil, err
	}
	return &storedCode{objects: objects, closure: closure}, nil
}

// readObjects reads what runs unnamed, but for the allowed functions' OIDs.
func (c *conn) readObjects(ctx context.Context, allowed []string) (*guard.Objects, error) {
	var all []guard.Object
	err := c.catalogue(ctx, objectsStatement(allowed), func(values [][]byte) error {
		object := guard.Object{Kind: guard.Kind(values[0]), Name: string(values[1]), Always: string(values[3]) == "t"}
		if values[2] != nil {
			if err := json.Unmarshal(values[2], &object.Relations); err != nil {
				return fmt.Errorf("objects: %w", err)
			}
		}
		all = append(all, object)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return guard.NewObjects(all), nil
}

// objectsStatement is objects.sql with the guard's lists and the OIDs of the
// allowed functions.
func objectsStatement(allowed []string) string {
	known := guard.KnownNames()
	return strings.NewReplacer(
		"$known", membersOf(known.Extensions),
		"$functions", nameArray(known.Functions),
		"$types", nameArray(known.Types),
		"$allowed", nameArray(allowed),
	).Replace(objectsSQL)
}

// membersOf is known.sql for these extensions.
func membersOf(extensions []string) string {
	return strings.Replace(knownSQL, "$extensions", nameArray(extensions), 1)
}

// nameArray writes names of the guard's lists, which need no quoting, as text
// of an array.
func nameArray(names []string) string { return "'{" + strings.Join(names, ",") + "}'" }
