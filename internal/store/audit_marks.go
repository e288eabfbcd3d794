package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// RememberAuditAnchors notes how far an anchor file has been written, so that
// verifying notices one that was cut.
func (d *DB) RememberAuditAnchors(ctx context.Context, file string, number int64) error {
	if d.chain.signer == nil {
		return nil
	}
	mac := d.chain.signer.Message(signedAnchors).Texts(file).Numbers(number).Sign()
	err := db.New(d.write).RememberAuditAnchors(ctx, db.RememberAuditAnchorsParams{ID: file, Number: number, KeyID: d.chain.keyID(), Mac: mac})
	return d.fault("remember audit anchors", err)
}

// AnchorFile is an anchor file that a gateway wrote beside this database.
type AnchorFile struct {
	ID     string
	Number int64 // of the newest anchor that is known of
	// Authentic says why this note itself is not believed, nil when it is.
	Authentic error
}

// AuditAnchorFiles lists the anchor files that gateways wrote.
func (d *DB) AuditAnchorFiles(ctx context.Context) ([]AnchorFile, error) {
	rows, err := d.reads.ListAuditAnchors(ctx)
	if err != nil {
		return nil, d.fault("list audit anchors", err)
	}
	list := make([]AnchorFile, len(rows))
	for i, r := range rows {
		list[i] = AnchorFile{ID: r.ID, Number: r.Number}
		if d.chain.signer == nil {
			continue
		}
		if err := d.chain.signer.Message(signedAnchors).Texts(r.ID).Numbers(r.Number).Verify(r.KeyID, r.Mac); err != nil {
			list[i].Authentic = errors.New(notAuthentic(err))
		}
	}
	return list, nil
}

// AuditAnchorMark returns how far an anchor file is known to have been
// written, 0 for a file that is not known.
func (d *DB) AuditAnchorMark(ctx context.Context, file string) (int64, error) {
	files, err := d.AuditAnchorFiles(ctx)
	at := slices.IndexFunc(files, func(f AnchorFile) bool { return f.ID == file })
	if err != nil || at < 0 {
		return 0, err
	}
	return files[at].Number, nil
}

// anchorsReset is the event of anchors that no longer count.
const anchorsReset = "audit.anchors_reset"

// ForgetAuditAnchors takes the notes of all anchor files away and records
// that, for an operator who has restored a backup on purpose.
func (d *DB) ForgetAuditAnchors(ctx context.Context) error {
	files, err := d.AuditAnchorFiles(ctx)
	if err != nil {
		return err
	}
	written := map[string]string{}
	for _, f := range files {
		written[f.ID] = moment(f.Number).Format(time.RFC3339)
	}
	return d.transact(ctx, "", func(tx *Tx) error {
		tx.changed = true
		tx.Record(audit.Event{Name: anchorsReset, Auth: "operator", Metadata: map[string]any{"written_until": written}})
		return tx.q.DeleteAuditAnchors(ctx)
	})
}
