package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// maxDoubt bounds how long a place is held for a server that was never seen at
// the statement: it may have gone for good.
const maxDoubt = time.Minute

// holdUntilOver keeps a place of the pool until the server has ended the
// statement: within one function, it does not notice a KILL. Without this,
// callers who give up would pile work up in the server.
func (c *conn) holdUntilOver(s *session) {
	c.running.Add(1) // by a call that Close waits for as well
	unmark := c.turns.MarkStuck()
	go func() {
		defer c.running.Done()
		defer c.turns.Give()
		defer unmark()
		begun, seen := time.Now(), false
		database.AwaitEnd(c.life, func() bool {
			works, err := s.connector.endWork(c.life, s)
			seen = seen || works
			return err == nil && !works || !seen && time.Since(begun) > maxDoubt
		})
	}()
}

// endWork kills the session over a connection of its own and reports whether
// the server still has it a moment later.
func (c *connector) endWork(ctx context.Context, s *session) (works bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.target.connectTimeout)
	defer cancel()
	err = c.beside(ctx, s, func(side *session) (err error) {
		// When it fails, the session is gone already or ends with the
		// statement timeout: the list tells.
		_ = side.exec(ctx, fmt.Sprintf("KILL %d", s.id))
		for wait := time.Millisecond; wait <= maxGlance; wait *= 2 {
			if works, err = side.sees(ctx, s.id); err != nil || !works {
				return err
			}
			time.Sleep(wait)
		}
		return nil
	})
	return works, err
}

// maxGlance bounds how long one look keeps others from theirs.
const maxGlance = 8 * time.Millisecond

var errAnotherServer = errors.New("another server answers at this address")

// beside does something on a connection beside the pool, to the server that
// has the session. Behind an address that several servers share, another one
// may answer: there the session's number would be somebody else's.
func (c *connector) beside(ctx context.Context, s *session, do func(side *session) error) error {
	select {
	case c.killing <- struct{}{}:
		defer func() { <-c.killing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	side, err := c.session(ctx, s.wire.RemoteAddr().String())
	if side != nil {
		defer side.Close()
	}
	if err != nil {
		return err
	}
	if side.server != s.server {
		return errAnotherServer
	}
	return do(side)
}

// sees reports whether the server lists a session of this login. A login sees
// its own without any right.
func (s *session) sees(ctx context.Context, id uint64) (bool, error) {
	rows, err := s.query(ctx, "SHOW PROCESSLIST")
	if err != nil {
		return false, err
	}
	seen := false
	err = guarded(func() error {
		values := make([]driver.Value, len(rows.Columns()))
		for len(values) > 0 {
			s.wire.allow(maxCatalogueRow)
			if err := rows.Next(values); err != nil {
				return err
			}
			seen = seen || text(values[0]) == strconv.FormatUint(id, 10)
		}
		return errNoResult
	})
	if errors.Is(err, io.EOF) {
		err = guarded(rows.Close) // ends the driver's watch over ctx
	}
	return seen, err
}
