// Package demo makes the sample database that `mcp-gateway demo` serves: a
// shop with customers, products, orders and order items. The same seed always
// makes the same rows, so that examples in the documentation hold.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// The sizes of the sample: 2,000 + 400 + 40,000 rows and about 100,000 items.
const (
	customers = 2_000
	products  = 400
	orders    = 40_000
	maxItems  = 4
)

const schema = `
CREATE TABLE customers (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	email TEXT NOT NULL UNIQUE,
	city TEXT NOT NULL,
	country TEXT NOT NULL,
	segment TEXT NOT NULL CHECK (segment IN ('consumer', 'business', 'public sector')),
	created_at TIMESTAMP NOT NULL
);
CREATE TABLE products (
	id INTEGER PRIMARY KEY,
	sku TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	category TEXT NOT NULL,
	price_cents INTEGER NOT NULL,
	in_stock BOOLEAN NOT NULL
);
CREATE TABLE orders (
	id INTEGER PRIMARY KEY,
	customer_id INTEGER NOT NULL REFERENCES customers (id),
	status TEXT NOT NULL CHECK (status IN ('paid', 'shipped', 'delivered', 'returned', 'cancelled')),
	channel TEXT NOT NULL,
	ordered_at TIMESTAMP NOT NULL
);
CREATE TABLE order_items (
	order_id INTEGER NOT NULL REFERENCES orders (id),
	line INTEGER NOT NULL,
	product_id INTEGER NOT NULL REFERENCES products (id),
	quantity INTEGER NOT NULL,
	price_cents INTEGER NOT NULL,
	PRIMARY KEY (order_id, line)
) WITHOUT ROWID;
`

const indexes = `
CREATE INDEX orders_customer ON orders (customer_id, ordered_at);
CREATE INDEX orders_time ON orders (ordered_at);
CREATE INDEX items_product ON order_items (product_id);
CREATE VIEW revenue_by_month AS
	SELECT strftime('%Y-%m', o.ordered_at) AS month, count(DISTINCT o.id) AS orders, sum(i.quantity * i.price_cents) / 100.0 AS revenue
	FROM orders o JOIN order_items i ON i.order_id = o.id
	WHERE o.status <> 'cancelled' GROUP BY 1;
ANALYZE;
`

// CreateShop makes the sample database at path, unless it is there already.
// It is written beside its place and renamed, so that an interrupted run
// leaves no half-filled database behind.
func CreateShop(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sample database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("sample database: %w", err)
	}
	partial := fmt.Sprintf("%s.%d.partial", path, os.Getpid())
	defer os.Remove(partial) // gone already after the rename
	if err := fill(ctx, partial); err != nil {
		return fmt.Errorf("sample database: %w", err)
	}
	return os.Rename(partial, path)
}

func fill(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // a no-op after Commit
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	g := &generator{Rand: rand.New(rand.NewPCG(20, 26)), ctx: ctx, tx: tx}
	for _, table := range []func() error{g.customers, g.products, g.orders} {
		if err := table(); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, indexes); err != nil {
		return err
	}
	return tx.Commit()
}

// generator draws the rows of one database.
type generator struct {
	*rand.Rand
	ctx    context.Context
	tx     *sql.Tx
	prices []int64 // by product id
}

// start is the first day of business; orders follow over two years.
var start = time.Date(2024, 10, 1, 0, 0, 0, 0, time.UTC)

const days = 2 * 365

func (g *generator) customers() error {
	in := g.into("customers", 7)
	for id := 1; id <= customers; id++ {
		first, last, place := pick(g, firstNames), pick(g, lastNames), pick(g, cities)
		city, country, _ := strings.Cut(place, ", ")
		email := fmt.Sprintf("%s.%s%d@example.com", strings.ToLower(first), strings.ToLower(last), id)
		segment := weighted(g, []string{"consumer", "business", "public sector"}, []int{70, 24, 6})
		in.add(id, first+" "+last, email, city, country, segment, stamp(start.AddDate(0, 0, -g.IntN(900))))
	}
	return in.flush()
}

func (g *generator) products() error {
	in := g.into("products", 6)
	g.prices = make([]int64, products+1)
	for id := 1; id <= products; id++ {
		category := categories[id%len(categories)]
		name := pick(g, adjectives) + " " + category.things[g.IntN(len(category.things))]
		g.prices[id] = int64(category.from+g.IntN(category.to-category.from))*100 - 1
		in.add(id, fmt.Sprintf("%s-%04d", strings.ToUpper(category.name[:3]), id), name, category.name, g.prices[id], g.IntN(12) != 0)
	}
	return in.flush()
}

func (g *generator) orders() error {
	in, items := g.into("orders", 5), g.into("order_items", 5)
	for id := 1; id <= orders; id++ {
		// Business grows, so later days get more orders; a few customers buy a lot.
		day := int(float64(days) * max(g.Float64(), g.Float64()))
		at := start.AddDate(0, 0, day).Add(time.Duration(6*3600+g.IntN(17*3600)) * time.Second)
		customer := 1 + int(float64(customers)*g.Float64()*g.Float64())
		status := weighted(g, []string{"delivered", "shipped", "paid", "returned", "cancelled"}, []int{74, 10, 6, 6, 4})
		in.add(id, customer, status, weighted(g, []string{"web", "app", "store", "phone"}, []int{55, 30, 12, 3}), stamp(at))
		for line := 1; line <= 1+g.IntN(maxItems); line++ {
			product := 1 + int(float64(products)*g.Float64()*g.Float64())
			items.add(id, line, product, 1+g.IntN(3), g.prices[product])
		}
	}
	return errors.Join(in.flush(), items.flush())
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

func pick(g *generator, list []string) string { return list[g.IntN(len(list))] }

// weighted draws from list with the weights, which add up to 100.
func weighted(g *generator, list []string, weights []int) string {
	n := g.IntN(100)
	for i, w := range weights {
		if n -= w; n < 0 {
			return list[i]
		}
	}
	return list[len(list)-1]
}

// batch inserts rows a hundred at a time.
type batch struct {
	g       *generator
	table   string
	columns int
	values  []any
	err     error
}

const batchRows = 100

func (g *generator) into(table string, columns int) *batch {
	return &batch{g: g, table: table, columns: columns}
}

func (b *batch) add(values ...any) {
	b.values = append(b.values, values...)
	if len(b.values) == batchRows*b.columns {
		b.err = errors.Join(b.err, b.flush())
	}
}

func (b *batch) flush() error {
	if len(b.values) == 0 || b.err != nil {
		return b.err
	}
	row := "(?" + strings.Repeat(",?", b.columns-1) + ")"
	rows := strings.Repeat(","+row, len(b.values)/b.columns)[1:]
	_, err := b.g.tx.ExecContext(b.g.ctx, "INSERT INTO "+b.table+" VALUES "+rows, b.values...)
	b.values = b.values[:0]
	return err
}
