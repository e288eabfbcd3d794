package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

const (
	// maxDamage bounds how many findings a walk lists. More of them say
	// nothing new.
	maxDamage = 100
	// reach is how far from its place a record is looked for that was moved,
	// and maxTries how many places are tried in a walk.
	reach    = 500
	maxTries = 200_000
)

// walker goes over one chain from its start to its end.
type walker struct {
	db       *DB
	head     db.AuditHead
	expected []audit.Head // by sequence number
	chain    AuditChain

	start    int64 // the record that the chain begins behind
	startErr error
	// unsigned is true while everything looks as a version without
	// signatures left it.
	unsigned bool
	seq      int64 // of the last record that was read
	hash     string
	sound    bool // whether that record was
	at       time.Time
	open     int   // damage from here on has no sound record behind it yet
	shift    int64 // by how much the last moved record was moved
	tries    int
}

func (w *walker) walk(ctx context.Context) error {
	beyond, err := w.db.reads.AuditBeyondHead(ctx, w.head.TenantID)
	if err != nil {
		return err
	}
	w.begin()
	last := max(w.head.Seq, beyond)
	for {
		rows, err := w.db.reads.AuditChain(ctx, db.AuditChainParams{TenantID: w.head.TenantID, Seq: w.seq, Seq_2: last, Limit: chainStep})
		if err != nil {
			return err
		}
		for i := range rows {
			w.record(&rows[i])
		}
		if len(rows) < chainStep {
			break
		}
	}
	w.end(beyond)
	w.compareLater()
	return nil
}

// begin decides where the chain starts. A mark that nobody with the key has
// set is not believed: then the chain must start with record 1.
func (w *walker) begin() {
	h := w.head
	w.unsigned = h.KeyID == "" && h.StartKeyID == "" && h.CarriedAt == 0
	w.startErr = w.db.chain.verifyStart(h)
	w.sound = true
	switch {
	case errors.Is(w.startErr, seal.ErrKey):
		w.add(Damage{Kind: Unverifiable, From: 1, To: h.PurgedSeq, Detail: "of the start of the chain, " + notAuthentic(w.startErr)})
		w.startErr = nil
	case w.startErr != nil && w.unsigned:
		w.startErr = nil // nothing of the chain is signed, which end tells
	}
	if w.startErr == nil {
		w.start, w.seq, w.hash = h.PurgedSeq, h.PurgedSeq, h.PurgedHash
	}
	for _, e := range w.expected {
		if w.startErr == nil && e.Seq == h.PurgedSeq && e.Hash != h.PurgedHash {
			w.add(Damage{Kind: Edited, From: e.Seq, To: e.Seq, Before: e.At, Detail: "what was removed is not what " + anchorOf(e) + " knows"})
		}
	}
}

// record checks a row against its predecessor, its signature and the heads
// that are known from outside.
func (w *walker) record(r *db.AuditLog) {
	if w.chain.Records == 0 {
		w.chain.First = r.Seq
		w.judgeStart(r)
	}
	gap := r.Seq > w.seq+1
	if gap && w.chain.Records > 0 {
		w.add(Damage{Kind: Removed, From: w.seq + 1, To: r.Seq - 1, After: w.at})
	}
	damage := w.judge(r)
	if damage == nil && !gap && w.sound && r.PrevHash != w.hash {
		damage = &Damage{Kind: Edited, Detail: "it does not follow the record before it"}
	}
	if damage == nil || damage.Kind == Unverifiable {
		damage = w.compare(r, damage)
	}
	if damage != nil {
		damage.From, damage.To, damage.After = r.Seq, r.Seq, w.at
		w.add(*damage)
	}
	w.seq, w.hash, w.sound = r.Seq, r.Hash, damage == nil || damage.Kind == Unverifiable
	w.chain.Records, w.chain.Last = w.chain.Records+1, r.Seq
	if damage == nil {
		w.close(moment(r.CreatedAt))
		w.noteBreak(r)
	}
}

// judgeStart tells what is missing before the first row.
func (w *walker) judgeStart(first *db.AuditLog) {
	switch {
	case first.Seq > w.start+1 && w.startErr != nil:
		w.add(Damage{Kind: CutAtStart, From: 1, To: first.Seq - 1, Detail: "retention did not remove them: of its mark, " + notAuthentic(w.startErr)})
	case first.Seq > w.start+1:
		w.add(Damage{Kind: CutAtStart, From: w.start + 1, To: first.Seq - 1})
	case w.startErr != nil:
		w.add(Damage{Kind: Edited, From: 1, To: max(w.head.PurgedSeq, w.head.CarriedSeq), Detail: "of the mark where the chain starts, " + notAuthentic(w.startErr)})
	}
}

// judge returns what is wrong with the row itself, nil for nothing.
func (w *walker) judge(r *db.AuditLog) *Damage {
	if r.KeyID != "" {
		w.unsigned = false
	} else if r.Seq > w.head.CarriedSeq && !w.unsigned && w.db.chain.signer != nil {
		return &Damage{Kind: Edited, Detail: "it is not signed"}
	}
	err := w.db.chain.verifyRecord(r, r.Seq)
	switch {
	case err == nil && r.Seq == w.head.CarriedSeq && w.startErr == nil && r.Hash != w.head.CarriedHash:
		return &Damage{Kind: Edited, Detail: "it is not the one that was taken over"}
	case err == nil:
		return nil
	case errors.Is(err, seal.ErrKey):
		return &Damage{Kind: Unverifiable, Detail: "signed with key " + r.KeyID + ", which is no longer configured"}
	}
	if w.displaced(r) {
		return &Damage{Kind: Reordered, Detail: fmt.Sprintf("moved by %d", -w.shift)}
	}
	return &Damage{Kind: Edited}
}

// displaced reports whether a row is one of this chain that stood elsewhere.
func (w *walker) displaced(r *db.AuditLog) bool {
	if w.shift != 0 && w.stoodAt(r, r.Seq+w.shift) {
		return true
	}
	for by := int64(1); by <= reach && w.tries < maxTries; by++ {
		for _, shift := range []int64{by, -by} {
			if w.stoodAt(r, r.Seq+shift) {
				w.shift = shift
				return true
			}
		}
	}
	return false
}

func (w *walker) stoodAt(r *db.AuditLog, seq int64) bool {
	w.tries++
	return w.db.chain.verifyRecord(r, seq) == nil
}

// compare checks a row that is sound by itself against the heads that are
// known from outside.
func (w *walker) compare(r *db.AuditLog, damage *Damage) *Damage {
	for _, e := range w.expected {
		if e.Seq == r.Seq && e.Hash != r.Hash {
			return &Damage{Kind: Edited, Detail: "it is not the record that " + anchorOf(e) + " knows"}
		}
	}
	return damage
}

// noteBreak reports a record that the gateway made when it found another head
// than the one that had been left.
func (w *walker) noteBreak(r *db.AuditLog) {
	if r.Event != chainBroken {
		return
	}
	var found chainBreak
	if err := json.Unmarshal([]byte(r.Metadata), &found); err != nil {
		found.Reason = "a break of the chain was recorded"
	}
	if w.db.chain.wasSound(found, r) {
		return
	}
	kind := CutAtEnd
	if found.KeyGone {
		kind = Unverifiable
	}
	to := found.Expected
	if to <= found.Found {
		to = 0
	}
	w.add(Damage{Kind: kind, From: found.Found + 1, To: to, Before: moment(r.CreatedAt),
		Detail: fmt.Sprintf("noticed when record %d was written: %s", r.Seq, found.Reason)})
	w.open = len(w.chain.Damage)
}

// end compares the last row with the head of the chain.
func (w *walker) end(beyond int64) {
	h := w.head
	w.chain.Head.At = w.at
	err := w.db.chain.verifyHead(h)
	noHead := h.Seq == 0 && h.Hash == ""
	missing := Damage{Kind: CutAtEnd, From: w.seq + 1, After: w.at}
	switch {
	case w.chain.Records == 0 && (noHead || h.Seq > w.start):
		w.add(Damage{Kind: ChainMissing, From: w.start + 1, To: h.Seq})
	case noHead:
		missing.Detail = "the head of the chain is missing, so what followed is unknown"
		w.add(missing)
	case w.seq < h.Seq:
		missing.To = h.Seq
		w.add(missing)
	case errors.Is(err, errUnsigned) && w.unsigned:
		w.add(Damage{Kind: Unverifiable, From: 1, To: h.Seq, Detail: "the chain was never signed: start the gateway once, which takes it over"})
	case errors.Is(err, seal.ErrKey):
		w.add(Damage{Kind: Unverifiable, From: h.Seq, To: h.Seq, Detail: "of the head, " + notAuthentic(err)})
	case beyond > 0:
		w.add(Damage{Kind: Edited, From: h.Seq + 1, To: beyond, Detail: fmt.Sprintf("the head was set back to record %d", h.Seq)})
	case err != nil && w.hash == h.Hash:
		missing.Detail = "of the head, " + notAuthentic(err) + ": what followed is gone"
		w.add(missing)
	case err != nil:
		w.add(Damage{Kind: Edited, From: h.Seq, To: h.Seq, After: w.at, Detail: "of the head, " + notAuthentic(err)})
	case w.sound && w.hash != h.Hash:
		w.add(Damage{Kind: Edited, From: h.Seq, To: h.Seq, After: w.at, Detail: "it is not the record that the head names"})
	}
}

// compareLater looks for a head from outside that is newer than the chain.
func (w *walker) compareLater() {
	if len(w.expected) == 0 {
		return
	}
	newest, end := w.expected[len(w.expected)-1], max(w.seq, w.head.Seq)
	if newest.Seq <= end {
		return
	}
	for i := range w.chain.Damage {
		d := &w.chain.Damage[i]
		if d.Kind == ChainMissing || d.Kind == CutAtEnd && d.From == end+1 {
			d.To, d.Detail = newest.Seq, anchorOf(newest)+" knows more"
			return
		}
	}
	w.add(Damage{Kind: CutAtEnd, From: end + 1, To: newest.Seq, After: w.at, Detail: anchorOf(newest) + " knows more"})
}

func anchorOf(e audit.Head) string {
	if e.At.IsZero() {
		return "an expected head"
	}
	return "an anchor of " + e.At.Format(time.RFC3339)
}

// add lists damage, as one with its neighbour where both are of a kind.
func (w *walker) add(d Damage) {
	if n := len(w.chain.Damage); n > w.open {
		last := &w.chain.Damage[n-1]
		if last.Kind == d.Kind && last.Detail == d.Detail && last.To > 0 && last.To+1 == d.From {
			last.To = d.To
			return
		}
	}
	if len(w.chain.Damage) < maxDamage {
		w.chain.Damage = append(w.chain.Damage, d)
	}
}

// close gives the damage before a sound record its time.
func (w *walker) close(at time.Time) {
	for ; w.open < len(w.chain.Damage); w.open++ {
		w.chain.Damage[w.open].Before = at
	}
	w.at = at
}
