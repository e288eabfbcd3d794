package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// noteEnd notes that the server's process is gone with the connection, as err
// tells. A pooler's end of a connection tells nothing about the process.
func (s *session) noteEnd(err error) {
	if s.direct && (sqlState(err) != "" || isNetwork(err) && !isTimeout(err)) {
		s.working = false
	}
}

// noteBackend reads the server process of a pooled transaction.
func (s *session) noteBackend(values [][]byte) {
	if len(values) == 0 {
		return
	}
	if pid, err := parseOID(values[0]); err == nil {
		s.backend = pid
	}
}

// holdUntilOver keeps a place of the pool until the server process has ended
// its statement: PostgreSQL looks for cancels between steps, and one step can
// take minutes. Without this, callers who give up would pile work up in the
// server.
func (p *pool) holdUntilOver(backend uint32) {
	defer p.release()
	seen, err := p.connector.readWork(p.life, backend)
	if err == nil && seen == "" {
		return
	}
	p.countStuck(1)
	defer p.countStuck(-1)
	database.AwaitEnd(p.life, func() bool {
		now, err := p.connector.readWork(p.life, backend)
		if err != nil {
			return false
		}
		over := now == "" || seen != "" && now != seen
		seen = now
		return over
	})
}

// countStuck refuses those who wait when no place is left that could come free
// soon.
func (p *pool) countStuck(change int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck += change
	if p.stuck < database.MaxOpenConns {
		return
	}
	for _, turn := range p.waiting {
		close(turn)
	}
	p.waiting = nil
}

// readWork asks over a connection of its own which statement the server process is
// at: a text that is another one for every statement, empty when it is at none.
func (c *connector) readWork(ctx context.Context, backend uint32) (string, error) {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, c.target.connectTimeout)
	defer cancel()
	s, _, err := c.dialSession(ctx)
	if err != nil {
		return "", err
	}
	defer s.close()
	stop := s.watch(ctx)
	defer stop()
	// A process that is hidden from the login has no state.
	s.sendUnnamed("SELECT pg_catalog.concat('at ', backend_start, ' ', query_start) FROM pg_catalog.pg_stat_activity" +
		" WHERE pid = " + strconv.FormatUint(uint64(backend), 10) + " AND coalesce(state, 'active') = 'active'")
	s.fe.SendSync(&pgproto3.Sync{})
	if err := s.fe.Flush(); err != nil {
		return "", err
	}
	values, err := s.awaitRow()
	if err != nil || len(values) == 0 {
		return "", err
	}
	return values[0], nil
}
