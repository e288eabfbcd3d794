package mssql

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

const (
	// objectsLife is that of a cached schema (contract 6.6).
	objectsLife = 5 * time.Minute
	// objectsYoung is how old objects must be before a name that is not among
	// them is looked for in the database again.
	objectsYoung = 5 * time.Second
)

// known returns the database's objects, read at most as long ago as said, once
// this login may be used. One caller reads while others wait.
func (c *conn) known(ctx context.Context, atMost time.Duration) (*objects, error) {
	if all := c.objects.Load(); all != nil && time.Since(all.read) < atMost {
		return all, c.admit(all)
	}
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	case <-ctx.Done():
		return nil, database.ContextFault(ctx)
	}
	if all := c.objects.Load(); all != nil && time.Since(all.read) < atMost {
		return all, c.admit(all)
	}
	all, err := c.readObjects(ctx, false)
	if err != nil {
		return nil, err
	}
	c.objects.Store(all)
	return all, c.admit(all)
}
