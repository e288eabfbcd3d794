package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where goose keeps what was applied (contract 12).
const versionTable = "schema_migrations"

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero while pending
}

// Migrate applies all pending migrations. Of several processes that start at
// once, one migrates and the others wait and find nothing to do. A schema that
// is newer than this program is left alone.
func (d *DB) Migrate(ctx context.Context) error {
	p, err := d.provider()
	if err == nil {
		_, err = p.Up(ctx)
	}
	return d.fault("migrate up", err)
}

// MigrateDown takes the last applied migration back. It does nothing when
// there is none.
func (d *DB) MigrateDown(ctx context.Context) error {
	p, err := d.provider()
	if err == nil {
		_, err = p.Down(ctx)
	}
	if errors.Is(err, goose.ErrNoNextVersion) {
		return nil
	}
	return d.fault("migrate down", err)
}

// MigrationStatus lists the migrations that this program knows.
func (d *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	p, err := d.provider()
	if err != nil {
		return nil, d.fault("migration status", err)
	}
	status, err := p.Status(ctx)
	if err != nil {
		return nil, d.fault("migration status", err)
	}
	list := make([]Migration, 0, len(status))
	for _, s := range status {
		list = append(list, Migration{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt})
	}
	return list, nil
}

// SchemaVersion reads the version that the database is at, 0 for none, and
// the one this program expects. It is cheap enough for health probes.
func (d *DB) SchemaVersion(ctx context.Context) (at, expected int64, err error) {
	if expected, err = expectedVersion(); err != nil {
		return 0, 0, d.fault("expected version", err)
	}
	row := d.read.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable)
	if err := row.Scan(&at); err != nil && !d.engine.noTable(err) {
		return 0, expected, d.fault("schema version", err)
	}
	return at, expected, nil
}

// CheckSchema reports a schema that is older than this program as Unavailable,
// with the text of GET /health (contract 3.1). A newer one is fine.
func (d *DB) CheckSchema(ctx context.Context) error {
	at, expected, err := d.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if at < expected {
		return fault.New(fault.Unavailable, fmt.Sprintf("Pending migrations: at %d, expected %d", at, expected))
	}
	return nil
}

// expectedVersion is the highest version among the embedded migrations.
func expectedVersion() (int64, error) {
	entries, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(entries[len(entries)-1].Name())
}

func (d *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	dialect, locker := d.engine.migrating()
	return goose.NewProvider(dialect, d.write, files,
		goose.WithTableName(versionTable),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
	)
}
