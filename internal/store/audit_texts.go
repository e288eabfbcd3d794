package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// AuditStatementsTable names the place of sealed statements (see seal.Place).
const AuditStatementsTable = "audit_statements"

// keepText seals the statement that an event keeps in full.
func (d *DB) keepText(l *link, row db.AuditLog, e audit.Event) {
	text := e.Statement()
	if text == "" || d.ring == nil {
		return
	}
	if l.sealed == nil {
		l.sealed = map[string]string{}
	}
	l.sealed[row.ID] = d.ring.Seal(text, seal.Place{Tenant: row.TenantID, Table: AuditStatementsTable, Row: row.ID})
}

// insertTexts returns the statements that store the sealed texts of links.
func insertTexts(links []link) []statement {
	var all []statement
	for _, l := range links {
		if l.sealed == nil {
			continue
		}
		for _, r := range l.rows {
			if sealed, ok := l.sealed[r.ID]; ok {
				all = append(all, statement{text: db.InsertAuditStatement, args: []any{r.ID, r.TenantID, r.Seq, sealed}})
			}
		}
	}
	return all
}

// FullRecord is an audit record as it is stored, for the operator.
type FullRecord struct {
	AuditRecord
	Seq   int64
	KeyID string
	// Signed is false when nothing but a hash vouches for the record, which
	// anybody can compute: a version without signatures wrote it, or somebody
	// made it look so. Then only verifying the chain tells.
	Signed bool
	// Authentic says why the signature, or the hash, is not the record's, nil
	// when it is.
	Authentic error
	// Statement is the statement that the record keeps in full, empty when
	// it keeps none.
	Statement string
}

// FullAuditRecord reads one record and opens the statement that it keeps. A
// statement that does not open, or is another one than the record's hash
// says, is a Conflict.
func (d *DB) FullAuditRecord(ctx context.Context, t identity.TenantID, id string) (FullRecord, error) {
	r, err := d.reads.AuditRecordByID(ctx, db.AuditRecordByIDParams{TenantID: string(t), ID: id})
	if err != nil {
		return FullRecord{}, d.found("audit record", err, "No such audit record")
	}
	full := FullRecord{
		AuditRecord: AuditRecord{
			ID: r.ID, User: identity.UserID(r.UserID), UserEmail: r.UserEmail, Event: r.Event, IP: r.IpAddress,
			Metadata: json.RawMessage(r.Metadata), CreatedAt: moment(r.CreatedAt),
		},
		Seq: r.Seq, KeyID: r.KeyID, Signed: r.KeyID != "" || r.Hash != plainHash(r), Authentic: d.chain.verifyRecord(&r, r.Seq),
	}
	full.Statement, err = d.openText(ctx, r)
	return full, err
}

func (d *DB) openText(ctx context.Context, r db.AuditLog) (string, error) {
	var said struct {
		Hash string `json:"sql_hash"`
		Kept bool   `json:"sql_kept"`
	}
	if err := json.Unmarshal([]byte(r.Metadata), &said); err != nil || !said.Kept {
		return "", nil // a record that keeps no statement
	}
	sealed, err := d.reads.GetAuditStatement(ctx, db.GetAuditStatementParams{TenantID: r.TenantID, ID: r.ID})
	if errors.Is(err, sql.ErrNoRows) {
		return "", fault.New(fault.Conflict, "The statement that this record kept was removed")
	}
	if err != nil {
		return "", d.fault("audit statement", err)
	}
	if d.ring == nil {
		return "", fault.New(fault.Conflict, "The statement is sealed and no ENCRYPTION_KEY is configured")
	}
	text, err := d.ring.Open(sealed, seal.Place{Tenant: r.TenantID, Table: AuditStatementsTable, Row: r.ID})
	if err != nil {
		return "", fault.Wrap(fault.Conflict, err, "The statement that this record kept does not open: it was changed, or its ENCRYPTION_KEY is gone")
	}
	if sum := sha256.Sum256([]byte(text)); hex.EncodeToString(sum[:]) != said.Hash {
		return "", fault.New(fault.Conflict, "The statement that was kept is not the one of this record")
	}
	return text, nil
}

// sealedStatements lets the statements that records keep follow a rotation of
// keys. The records themselves are not touched.
func sealedStatements(r, w *db.Queries) sealedTable {
	return sealedTable{
		name: AuditStatementsTable,
		list: func(ctx context.Context, after string) ([]sealedRow, error) {
			rows, err := r.SealedAuditStatements(ctx, db.SealedAuditStatementsParams{ID: after, Limit: rewrapStep})
			return sealedRows(rows, func(r db.SealedAuditStatementsRow) sealedRow { return sealedRow(r) }), err
		},
		rewrap: func(ctx context.Context, r sealedRow, fresh string) error {
			_, err := w.RewrapAuditStatement(ctx, db.RewrapAuditStatementParams{
				TenantID: r.TenantID, ID: r.ID, Sealed: r.Sealed, Sealed_2: fresh,
			})
			return err
		},
	}
}
