package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Relay carries texts between the instances of one gateway through NOTIFY and
// LISTEN of their PostgreSQL database.
type Relay struct {
	db     *DB
	config *pgx.ConnConfig
	direct bool
}

// Relay returns the way to the other instances. SQLite has none: it has one
// instance.
func (d *DB) Relay() (*Relay, error) {
	engine, ok := d.engine.(postgresEngine)
	if !ok {
		return nil, fault.New(fault.Internal, "Only PostgreSQL carries messages between instances")
	}
	config := engine.config.Copy()
	config.RuntimeParams["application_name"] = "mcp-gateway relay"
	return &Relay{db: d, config: config, direct: engine.direct}, nil
}

// NOTIFY takes less than 8000 bytes. A text that is longer waits in
// relay_messages, and its row's id is notified. The first byte tells which.
const (
	notifyBytes  = 7000
	notifyInline = "="
	notifyStored = "@"
)

// Send sends the text to whoever listens to the channel. A text of more than
// notifyBytes reaches one listener only, which takes its row.
func (r *Relay) Send(ctx context.Context, channel, text string) error {
	if len(text) <= notifyBytes {
		return r.db.fault("notify", notify(ctx, r.db.write, channel, notifyInline+text))
	}
	err := inTx(ctx, r.db.write, func(tx *sql.Tx) error {
		id := newID()
		row := db.AddRelayMessageParams{ID: id, Body: text, CreatedAt: micros(r.db.now())}
		if err := db.New(tx).AddRelayMessage(ctx, row); err != nil {
			return err
		}
		return notify(ctx, tx, channel, notifyStored+id)
	})
	return r.db.fault("notify", err)
}

type execer interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
}

// notify is not among the queries because SQLite has no such function.
func notify(ctx context.Context, to execer, channel, text string) error {
	_, err := to.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, text)
	return err
}

// Listen opens a connection of its own, calls ready once it listens to the
// channels, and then receive for every text, in order, until the connection or
// ctx ends, whose error it returns.
func (r *Relay) Listen(ctx context.Context, channels []string, ready func(), receive func(channel, text string)) error {
	conn, err := pgx.ConnectConfig(ctx, r.config)
	if err != nil {
		return r.db.fault("listen", err)
	}
	defer hangUp(conn)
	if err := r.keepsSession(ctx, conn); err != nil {
		return err
	}
	for _, channel := range channels {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return r.db.fault("listen", err)
		}
	}
	ready()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return r.db.fault("listen", err)
		}
		text, ok, err := notified(ctx, conn, n.Payload)
		if err != nil {
			return r.db.fault("take message", err)
		}
		if ok {
			receive(n.Channel, text)
		}
	}
}

// sessionLooks is how often keepsSession compares.
const sessionLooks = 5

// keepsSession refuses a connection behind a pooler in transaction mode, where
// the session that listens is soon another's and nothing would ever be heard.
// Such a pooler gives the server process of an idle connection to whoever asks
// next: a transaction beside takes it away.
func (r *Relay) keepsSession(ctx context.Context, conn *pgx.Conn) error {
	if r.direct {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // a pooler may have no second connection
	defer cancel()
	other, err := pgx.ConnectConfig(ctx, r.config)
	if err != nil {
		return r.db.fault("listen", err)
	}
	defer hangUp(other)
	var first, taken, again uint32
	for range sessionLooks {
		err := errors.Join(
			conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&first),
			pgx.BeginFunc(ctx, other, func(tx pgx.Tx) error {
				return errors.Join(
					tx.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&taken),
					conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&again))
			}))
		if err != nil {
			return r.db.fault("listen", err)
		}
		if taken == first || again != first {
			return fault.New(fault.Unavailable, "DATABASE_URL leads through a pooler in transaction mode, which swallows notifications; "+
				"give it without one or in session mode, or set REDIS_URL")
		}
	}
	return nil
}

// hangUp closes the connection although the context that it served has ended.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server notices in any case
}

// notified returns the text of a notification, false when it is gone or was
// never one of ours.
func notified(ctx context.Context, conn *pgx.Conn, payload string) (text string, ok bool, err error) {
	if text, ok := strings.CutPrefix(payload, notifyInline); ok {
		return text, true, nil
	}
	id, ok := strings.CutPrefix(payload, notifyStored)
	if !ok {
		return "", false, nil
	}
	err = conn.QueryRow(ctx, db.TakeRelayMessage, id).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("message %s: %w", id, err)
	}
	return text, true, nil
}
