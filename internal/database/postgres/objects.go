package postgres

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/postgres"
)

//go:embed objects.sql
var objectsSQL string

// objectsLife is that of a cached schema (contract 6.6).
const objectsLife = 5 * time.Minute

// judge refuses an accepted statement that would run what users have defined
// in this database without calling it by name (contract 6.5).
func (c *conn) judge(ctx context.Context, stmt *sqlguard.Statement) error {
	if !guard.Concerns(stmt) {
		return nil
	}
	objects, err := c.objects.get(ctx, c.readObjects)
	if err != nil {
		return err
	}
	return objects.Judge(stmt)
}

func (c *conn) readObjects(ctx context.Context) (*guard.Objects, error) {
	var all []guard.Object
	err := c.catalogue(ctx, objectsStatement(), func(values [][]byte) error {
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

// objectsStatement is objects.sql with the guard's lists.
func objectsStatement() string {
	known := guard.KnownNames()
	return strings.NewReplacer(
		"$extensions", nameArray(known.Extensions),
		"$functions", nameArray(known.Functions),
		"$types", nameArray(known.Types),
	).Replace(objectsSQL)
}

// nameArray writes names of the guard's lists, which need no quoting, as text
// of an array.
func nameArray(names []string) string { return "'{" + strings.Join(names, ",") + "}'" }

// objectCache keeps the objects of one database.
type objectCache struct {
	now  func() time.Time
	turn chan struct{} // holds a token while the catalogue is read

	mu     sync.Mutex // guards what follows
	cached *guard.Objects
	read   time.Time
	epoch  int // counts drops, so that what was read before one is not kept
}

func newObjectCache(now func() time.Time) *objectCache {
	return &objectCache{now: now, turn: make(chan struct{}, 1)}
}

// get returns the objects, which one caller loads while others wait.
func (c *objectCache) get(ctx context.Context, load func(context.Context) (*guard.Objects, error)) (*guard.Objects, error) {
	if objects, _ := c.fresh(); objects != nil {
		return objects, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, database.ContextFault(ctx)
	}
	objects, epoch := c.fresh()
	if objects != nil {
		return objects, nil
	}
	objects, err := load(ctx)
	if err != nil {
		return nil, err
	}
	c.keep(objects, epoch)
	return objects, nil
}

func (c *objectCache) fresh() (*guard.Objects, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cached != nil && c.now().Sub(c.read) >= objectsLife {
		c.cached = nil
	}
	return c.cached, c.epoch
}

func (c *objectCache) keep(objects *guard.Objects, epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		c.cached, c.read = objects, c.now()
	}
}

// drop forgets the objects; they are read again for the next statement.
func (c *objectCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached = nil
	c.epoch++
}
