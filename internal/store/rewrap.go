package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// sealedRow is a sealed value with its place.
type sealedRow struct{ ID, TenantID, Sealed string }

// sealedTable is a table with one sealed column.
type sealedTable struct {
	name   string
	list   func(ctx context.Context, after string) ([]sealedRow, error)
	rewrap func(ctx context.Context, r sealedRow, fresh string) error
}

// rewrapStep is how many sealed values are read at once.
const rewrapStep = 200

// Rewrap seals every stored secret that is sealed under an old key under the
// ring's current one, while the gateway runs (contract 11.1). A value that
// changes meanwhile is left alone: whoever changed it sealed it. Values that
// cannot be opened are named in the error and the others are rewrapped all
// the same.
func (d *DB) Rewrap(ctx context.Context, ring *seal.Ring) (rewrapped int64, err error) {
	var failed []error
	for _, table := range d.sealedTables() {
		n, err := d.rewrapTable(ctx, ring, table)
		rewrapped += n
		failed = append(failed, err)
	}
	return rewrapped, d.fault("rewrap", errors.Join(failed...))
}

func (d *DB) rewrapTable(ctx context.Context, ring *seal.Ring, t sealedTable) (rewrapped int64, err error) {
	var failed []error
	after := ""
	for {
		rows, err := t.list(ctx, after)
		if err != nil {
			return rewrapped, errors.Join(append(failed, err)...)
		}
		if len(rows) == 0 {
			return rewrapped, errors.Join(failed...)
		}
		for _, r := range rows {
			after = r.ID
			if !ring.NeedsRewrap(r.Sealed) {
				continue
			}
			fresh, err := ring.Rewrap(r.Sealed, seal.Place{Tenant: r.TenantID, Table: t.name, Row: r.ID})
			if err == nil {
				err = t.rewrap(ctx, r, fresh)
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("%s %s: %w", t.name, r.ID, err))
				continue
			}
			rewrapped++
		}
	}
}

// sealedTables are all tables with sealed values that outlive a sign-in.
func (d *DB) sealedTables() []sealedTable {
	r, w := d.reads, db.New(d.write)
	return []sealedTable{{
		name: ConnectionsTable,
		list: func(ctx context.Context, after string) ([]sealedRow, error) {
			rows, err := r.SealedConnections(ctx, db.SealedConnectionsParams{ID: after, Limit: rewrapStep})
			return sealedRows(rows, func(r db.SealedConnectionsRow) sealedRow { return sealedRow(r) }), err
		},
		rewrap: func(ctx context.Context, r sealedRow, fresh string) error {
			_, err := w.RewrapConnection(ctx, db.RewrapConnectionParams{
				TenantID: r.TenantID, ID: r.ID, EncryptedConnStr: r.Sealed, EncryptedConnStr_2: fresh,
			})
			return err
		},
	}, {
		name: EntraTable,
		list: func(ctx context.Context, after string) ([]sealedRow, error) {
			rows, err := r.SealedEntraSecrets(ctx, db.SealedEntraSecretsParams{ID: after, Limit: rewrapStep})
			return sealedRows(rows, func(r db.SealedEntraSecretsRow) sealedRow { return sealedRow(r) }), err
		},
		rewrap: func(ctx context.Context, r sealedRow, fresh string) error {
			_, err := w.RewrapEntraSecret(ctx, db.RewrapEntraSecretParams{
				TenantID: r.TenantID, ID: r.ID, EncryptedClientSecret: r.Sealed, EncryptedClientSecret_2: fresh,
			})
			return err
		},
	}, {
		name: OIDCTable,
		list: func(ctx context.Context, after string) ([]sealedRow, error) {
			rows, err := r.SealedOIDCSecrets(ctx, db.SealedOIDCSecretsParams{ID: after, Limit: rewrapStep})
			return sealedRows(rows, func(r db.SealedOIDCSecretsRow) sealedRow { return sealedRow(r) }), err
		},
		rewrap: func(ctx context.Context, r sealedRow, fresh string) error {
			_, err := w.RewrapOIDCSecret(ctx, db.RewrapOIDCSecretParams{
				TenantID: r.TenantID, ID: r.ID, EncryptedClientSecret: r.Sealed, EncryptedClientSecret_2: fresh,
			})
			return err
		},
	}, {
		name: SSORefreshTokensTable,
		list: func(ctx context.Context, after string) ([]sealedRow, error) {
			rows, err := r.SealedSSORefreshTokens(ctx, db.SealedSSORefreshTokensParams{UserID: after, Limit: rewrapStep})
			return sealedRows(rows, func(r db.SealedSSORefreshTokensRow) sealedRow { return sealedRow(r) }), err
		},
		rewrap: func(ctx context.Context, r sealedRow, fresh string) error {
			_, err := w.RewrapSSORefreshToken(ctx, db.RewrapSSORefreshTokenParams{
				TenantID: r.TenantID, UserID: r.ID, SealedToken: r.Sealed, SealedToken_2: fresh,
			})
			return err
		},
	}, sealedStatements(r, w)}
}

func sealedRows[R any](rows []R, convert func(R) sealedRow) []sealedRow {
	list := make([]sealedRow, len(rows))
	for i, r := range rows {
		list[i] = convert(r)
	}
	return list
}
