package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// The benchmarks pair this package with its floor: the same statement through
// plain pgx and encoding/json over as many connections. Read the ratio of
// gateway to pgx within one run.

const (
	keySQL  = "SELECT id, name, email, city, balance, created, active FROM people WHERE id = 4711"
	rowsSQL = "SELECT id, name, email, city, balance, created, active FROM people ORDER BY id LIMIT %d"
)

func (s *server) people(b *testing.B) {
	mustExec(b, s.admin, `CREATE TABLE people AS SELECT n::int AS id, 'Customer ' || n AS name,
		'customer' || n || '@example.com' AS email, 'Bern' AS city, (n * 7.25)::numeric(12,2) AS balance,
		timestamptz '2026-01-01' + n * interval '1 minute' AS created, n % 3 = 0 AS active
		FROM generate_series(1, 100000) n;
		ALTER TABLE people ADD PRIMARY KEY (id); ANALYZE people; GRANT SELECT ON people TO `+s.reader)
}

type person struct {
	ID      int32     `json:"id"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	City    string    `json:"city"`
	Balance string    `json:"balance"`
	Created time.Time `json:"created"`
	Active  bool      `json:"active"`
}

// floor is a pool of plain pgx connections.
func (s *server) floor(b *testing.B) chan *pgx.Conn {
	pool := make(chan *pgx.Conn, database.MaxOpenConns)
	for range cap(pool) {
		c, err := pgx.Connect(context.Background(), "postgres"+s.readerConn[len("postgresql+psycopg2"):])
		if err != nil {
			b.Fatal(err)
		}
		pool <- c
	}
	b.Cleanup(func() {
		for range cap(pool) {
			(<-pool).Close(context.Background())
		}
	})
	return pool
}

func floorMaps(ctx context.Context, c *pgx.Conn, sql string) ([]byte, error) {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"rows": list})
}

func floorStructs(ctx context.Context, c *pgx.Conn, sql string) ([]byte, error) {
	rows, err := c.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[person])
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"rows": list})
}

func benchmark(b *testing.B, sql string, limit database.Limit) {
	s := start(b)
	s.people(b)
	conn, pool := s.open(b, s.readerConn), s.floor(b)
	stmt := accept(b, sql) // with what the judgement costs
	onFloor := func(encode func(context.Context, *pgx.Conn, string) ([]byte, error)) func() ([]byte, error) {
		return func() ([]byte, error) {
			c := <-pool
			defer func() { pool <- c }()
			return encode(context.Background(), c, sql)
		}
	}
	for _, side := range []struct {
		name string
		run  func() ([]byte, error)
	}{
		{"gateway", func() ([]byte, error) {
			table, err := conn.Query(context.Background(), stmt, limit)
			if err != nil {
				return nil, err
			}
			return table.MarshalJSON()
		}},
		{"pgx-structs", onFloor(floorStructs)},
		{"pgx-maps", onFloor(floorMaps)},
	} {
		b.Run(side.name, func(b *testing.B) { parallel(b, side.run) })
	}
}

// parallel runs 16 clients on two cores, as the floor does.
func parallel(b *testing.B, run func() ([]byte, error)) {
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			out, err := run()
			if err != nil || len(out) == 0 {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkQueryPrimaryKey(b *testing.B) { benchmark(b, keySQL, database.Limit{}) }

func BenchmarkQuery1000Rows(b *testing.B) {
	benchmark(b, fmt.Sprintf(rowsSQL, 1000), database.Limit{})
}

func BenchmarkQuery100000Rows(b *testing.B) {
	benchmark(b, fmt.Sprintf(rowsSQL, 100_000), database.Limit{Rows: 1_000_000, Bytes: 100 << 20})
}
