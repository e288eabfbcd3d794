package mysql_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// The benchmarks pair this package with its floor: the same statement through
// database/sql and encoding/json over as many connections. Read the ratio of
// gateway to floor within one run.

const (
	keySQL  = "SELECT id, name, email, city, balance, created, active FROM people WHERE id = 4711"
	rowsSQL = "SELECT id, name, email, city, balance, created, active FROM people ORDER BY id LIMIT %d"
)

func (s *server) people(b *testing.B) {
	mustExec(b, s.admin, `CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(50), email VARCHAR(80), city VARCHAR(50),
		balance DECIMAL(12,2), created DATETIME, active BOOLEAN)`)
	mustExec(b, s.admin, `INSERT INTO people SELECT seq, CONCAT('Customer ', seq), CONCAT('customer', seq, '@example.com'), 'Bern',
		seq * 7.25, TIMESTAMP '2026-01-01 00:00:00' + INTERVAL seq MINUTE, seq % 3 = 0 FROM seq_1_to_100000`)
}

type person struct {
	ID      int32  `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	City    string `json:"city"`
	Balance string `json:"balance"`
	Created string `json:"created"`
	Active  bool   `json:"active"`
}

// floor is a pool of the plain driver.
func (s *server) floor(b *testing.B) *sql.DB {
	config := driver.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", s.host, s.reader, s.password, s.db
	connector, err := driver.NewConnector(config)
	if err != nil {
		b.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(database.MaxOpenConns)
	db.SetMaxIdleConns(database.MaxOpenConns)
	b.Cleanup(func() { db.Close() })
	return db
}

func floorStructs(db *sql.DB, query string) ([]byte, error) {
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []person
	for rows.Next() {
		var p person
		if err := rows.Scan(&p.ID, &p.Name, &p.Email, &p.City, &p.Balance, &p.Created, &p.Active); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"rows": list})
}

func benchmark(b *testing.B, query string, limit database.Limit) {
	s := start(b)
	s.people(b)
	conn, floor := open(b, s.readerConn), s.floor(b)
	stmt := statement(query)
	b.Run("gateway", func(b *testing.B) {
		parallel(b, func() ([]byte, error) {
			table, err := conn.Query(context.Background(), stmt, limit)
			if err != nil {
				return nil, err
			}
			return table.MarshalJSON()
		})
	})
	b.Run("driver-structs", func(b *testing.B) {
		parallel(b, func() ([]byte, error) { return floorStructs(floor, query) })
	})
}

// parallel runs 16 clients on two cores.
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
