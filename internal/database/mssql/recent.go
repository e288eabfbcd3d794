package mssql

import (
	"context"
	"time"
)

// objectsYoung is how old objects must be before a name that is not among them
// is looked for in the database again.
const objectsYoung = 5 * time.Second

// recentObjects returns the database's objects, read at most as long ago as said, once
// this login may be used.
func (c *conn) recentObjects(ctx context.Context, atMost time.Duration) (*objects, error) {
	all, err := c.objects.Get(ctx, atMost, func(ctx context.Context) (*objects, error) { return c.readObjects(ctx, false) })
	if err != nil {
		return nil, err
	}
	return all, c.admit(all)
}
