package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// serveFloor is what the gateway is measured against: a bare handler that
// runs the same queries on the same PostgreSQL through pgx and returns JSON.
// No authentication, no guard, no read-only transaction, no audit.
func serveFloor(addr, databaseURL string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return err
	}
	cfg.MaxConns = 5 // the gateway's own limit per connection
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/one", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.FormValue("id"))
		floorQuery(w, r, pool, oneRow, id)
	})
	mux.HandleFunc("/rows", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		floorQuery(w, r, pool, manyRows+" LIMIT $1", n)
	})
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}

const (
	oneRow   = "SELECT id, name, email, country, balance, created_at FROM people WHERE id = $1"
	manyRows = "SELECT id, name, email, country, balance, created_at FROM people ORDER BY id"
)

func floorQuery(w http.ResponseWriter, r *http.Request, pool *pgxpool.Pool, sql string, arg any) {
	rows, err := pool.Query(r.Context(), sql, arg)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	result, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(map[string]any{"rows": result, "row_count": len(result)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}
