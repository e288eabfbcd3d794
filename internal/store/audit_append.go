package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// AppendAudit stores events durably, in one commit, each at the head of its
// tenant's hash chain. An event that cannot be stored at all makes the batch
// fail with an Invalid fault; other kinds say that the database failed.
//
// Where the chains end is remembered from the last commit, so that the common
// case asks the database nothing: all statements go out at once. The database
// refuses them when another process has moved a head; then the heads are read.
func (d *DB) AppendAudit(ctx context.Context, events []audit.Event) error {
	links, err := d.linksOf(events)
	if err != nil || len(links) == 0 {
		return err
	}
	if d.heads.fill(links, d.chain) {
		err := d.engine.execAll(ctx, d.write, d.advance(links))
		if err == nil {
			d.heads.moved(links)
		}
		if !d.engine.headMoved(err) {
			return d.fault("append audit", err)
		}
	}
	err = d.inTx(ctx, func(tx *sql.Tx) error { return d.append(ctx, tx, links) })
	if err == nil {
		d.appended(links)
	}
	return d.fault("append audit", err)
}

// appended remembers the heads that a commit made and reports the records that
// append added itself.
func (d *DB) appended(links []link) {
	d.heads.moved(links)
	for _, l := range links {
		if l.broken != nil {
			d.stored(*l.broken)
		}
	}
}

// head is where a chain ends, with the time of its last record when that is
// known.
type head struct {
	seq  int64
	hash string
	at   int64
}

// link is what one transaction adds to the chain of one tenant.
type link struct {
	tenant     string
	from, to   head
	keyID, mac string // the signature of to
	rows       []db.AuditLog
	sealed     map[string]string // texts that records keep in full, by record id
	broken     *audit.Event      // recorded first when from was not ours
}

// linksOf turns events into rows by tenant, in their order. The tenants are
// sorted, so that two writers that lock heads cannot wait for each other.
func (d *DB) linksOf(events []audit.Event) ([]link, error) {
	chains := map[string]*link{}
	for _, e := range events {
		row, err := auditRow(e)
		if err != nil {
			return nil, err
		}
		l := chains[row.TenantID]
		if l == nil {
			l = &link{tenant: row.TenantID}
			chains[row.TenantID] = l
		}
		l.rows = append(l.rows, row)
		d.keepText(l, row, e)
	}
	links := make([]link, 0, len(chains))
	for _, tenant := range slices.Sorted(maps.Keys(chains)) {
		links = append(links, *chains[tenant])
	}
	return links, nil
}

// auditRow encodes an event. Texts come from callers too: what PostgreSQL
// cannot store is replaced, because a record with a scar is better than none.
func auditRow(e audit.Event) (db.AuditLog, error) {
	metadata, err := e.JSON()
	switch {
	case err != nil:
		return db.AuditLog{}, fault.Wrap(fault.Invalid, fmt.Errorf("metadata of %s: %w", e.Name, err), "Audit metadata cannot be encoded")
	case e.Name == "" || len(e.Name) > audit.MaxEventName:
		return db.AuditLog{}, fault.New(fault.Invalid, "Invalid audit event name")
	}
	return db.AuditLog{
		TenantID: storable(string(e.Tenant)), ID: newID(), UserID: storable(string(e.User)), UserEmail: readable(e.UserEmail),
		Event: readable(e.Name), Family: familyOf(readable(e.Name)), IpAddress: readable(e.IP), Metadata: string(metadata), CreatedAt: micros(e.At),
	}, nil
}

// familyOf is an event's name up to its first dot, which records are found by.
func familyOf(event string) string {
	family, _, _ := strings.Cut(event, ".")
	return family
}

// readable is what is stored of a text that people read beside the metadata.
func readable(s string) string { return storable(audit.Visible(s)) }

func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// follow chains the rows to a head and signs them and the new head.
func (l *link) follow(from head, keys chainKeys) {
	l.from, l.to = from, from
	for i := range l.rows {
		row := &l.rows[i]
		row.Seq, row.PrevHash = l.to.seq+1, l.to.hash
		keys.signRecord(row)
		l.to = head{seq: row.Seq, hash: row.Hash, at: row.CreatedAt}
	}
	l.keyID, l.mac = keys.signHead(l.tenant, l.to)
}

// append stores links in a transaction, after reading and locking their heads.
func (d *DB) append(ctx context.Context, tx *sql.Tx, links []link) error {
	q := db.New(tx)
	for i := range links {
		l := &links[i]
		at, last, err := lockHead(ctx, q, l.tenant)
		if err != nil {
			return err
		}
		from, err := d.continueFrom(ctx, q, l, at, last)
		if err != nil {
			return err
		}
		l.follow(from, d.chain)
		err = q.SetAuditHead(ctx, db.SetAuditHeadParams{TenantID: l.tenant, Seq: l.to.seq, Hash: l.to.hash, KeyID: l.keyID, Mac: l.mac})
		if err != nil {
			return err
		}
	}
	for _, s := range d.inserts(links) {
		if _, err := tx.ExecContext(ctx, s.text, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// advance returns the statements that store links whose heads are known. The
// first ones fail when a head is another one by now.
func (d *DB) advance(links []link) []statement {
	var all []statement
	for _, l := range links {
		all = append(all, statement{text: db.AdvanceAuditHead, args: []any{l.tenant, l.from.seq, l.from.hash, l.to.seq, l.to.hash, l.keyID, l.mac}})
	}
	return append(all, d.inserts(links)...)
}

// auditColumns is the number of columns that an insert fills.
const auditColumns = 13

// auditInsert is the INSERT of so many rows.
type auditInsert struct {
	rows int
	text string
}

// auditInserts are the statements that rows are stored by: few sizes, so that
// they stay prepared, largest first.
func auditInserts() []auditInsert {
	var inserts []auditInsert
	for _, rows := range []int{64, 32, 16, 8, 4, 2, 1} {
		inserts = append(inserts, auditInsert{rows: rows, text: insertAuditText(rows)})
	}
	return inserts
}

// insertAuditText is the INSERT of so many rows, which sqlc cannot express.
func insertAuditText(rows int) string {
	values := make([]string, rows)
	for row := range values {
		places := make([]string, auditColumns)
		for column := range places {
			places[column] = fmt.Sprintf("$%d", row*auditColumns+column+1)
		}
		values[row] = "(" + strings.Join(places, ", ") + ")"
	}
	return "INSERT INTO audit_logs (tenant_id, seq, id, user_id, user_email, event, family, ip_address, metadata, " +
		"prev_hash, hash, created_at, key_id) VALUES " + strings.Join(values, ", ")
}

// inserts returns the statements that store the rows of links.
func (d *DB) inserts(links []link) []statement {
	var rows []db.AuditLog
	for _, l := range links {
		rows = append(rows, l.rows...)
	}
	var all []statement
	for _, insert := range d.auditInserts {
		for ; len(rows) >= insert.rows; rows = rows[insert.rows:] {
			args := make([]any, 0, insert.rows*auditColumns)
			for _, r := range rows[:insert.rows] {
				args = append(args, r.TenantID, r.Seq, r.ID, r.UserID, r.UserEmail, r.Event, r.Family, r.IpAddress, r.Metadata,
					r.PrevHash, r.Hash, r.CreatedAt, r.KeyID)
			}
			all = append(all, statement{text: insert.text, args: args})
		}
	}
	return append(all, insertTexts(links)...)
}
