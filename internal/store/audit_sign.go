package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// The kinds of messages that are signed (note 013).
const (
	signedRecord  = "audit record"
	signedHead    = "audit head"
	signedStart   = "audit start"
	signedAnchors = "audit anchors"
)

// errUnsigned says that something carries no signature and must have one.
var errUnsigned = errors.New("not signed")

// chainKeys signs and verifies the parts of audit chains. Without a signer,
// records are chained by plain hashes, as by versions before signatures.
type chainKeys struct{ signer *seal.Signer }

func (k chainKeys) keyID() string {
	if k.signer == nil {
		return ""
	}
	return k.signer.KeyID()
}

// signRecord fills in the hash and the key of a row.
func (k chainKeys) signRecord(r *db.AuditLog) {
	if k.signer == nil {
		r.Hash = plainHash(*r)
		return
	}
	r.KeyID, r.Hash = k.signer.KeyID(), recordMessage(k.signer, r, r.Seq).Sign()
}

// verifyRecord checks a row as if it stood at seq. Rows without a key are
// checked by their plain hash: whether they may be there is for the caller. One
// that was signed has none either after a downgrade, whose migration drops the
// column with the keys' names; its signature still holds.
func (k chainKeys) verifyRecord(r *db.AuditLog, seq int64) error {
	switch {
	case r.Family != familyOf(r.Event):
		return seal.ErrOpen
	case r.KeyID == "" && seq == r.Seq && r.Hash == plainHash(*r):
		return nil
	case r.KeyID == "" && k.signer == nil:
		return seal.ErrOpen
	case r.KeyID == "":
		return recordMessage(k.signer, r, seq).VerifyWithAny(r.Hash)
	case k.signer == nil:
		return seal.ErrKey
	}
	return recordMessage(k.signer, r, seq).Verify(r.KeyID, r.Hash)
}

// recordMessage holds all that a row says. The family follows from the event.
func recordMessage(s *seal.Signer, r *db.AuditLog, seq int64) *seal.Message {
	return s.Message(signedRecord).
		Texts(r.PrevHash, r.TenantID, r.ID, r.UserID, r.UserEmail, r.Event, r.IpAddress, r.Metadata).
		Numbers(seq, r.CreatedAt)
}

// signHead returns the signature of a head and its key, empty ones without a
// signer.
func (k chainKeys) signHead(tenant string, at head) (keyID, mac string) {
	if k.signer == nil {
		return "", ""
	}
	return k.signer.KeyID(), headMessage(k.signer, tenant, at).Sign()
}

func headMessage(s *seal.Signer, tenant string, at head) *seal.Message {
	return s.Message(signedHead).Texts(tenant, at.hash).Numbers(at.seq)
}

// verifyHead checks the signature of a head. A chain that is new has none.
func (k chainKeys) verifyHead(h db.AuditHead) error {
	switch {
	case k.signer == nil && h.KeyID == "", h.Seq == 0 && h.Hash == "" && h.KeyID == "":
		return nil
	case k.signer == nil:
		return seal.ErrKey
	case h.KeyID == "":
		return errUnsigned
	}
	return headMessage(k.signer, h.TenantID, head{seq: h.Seq, hash: h.Hash}).Verify(h.KeyID, h.Mac)
}

// signStart fills in the signature of a chain's start.
func (k chainKeys) signStart(h *db.AuditHead) {
	if k.signer != nil {
		h.StartKeyID, h.StartMac = k.signer.KeyID(), startMessage(k.signer, h).Sign()
	}
}

func startMessage(s *seal.Signer, h *db.AuditHead) *seal.Message {
	return s.Message(signedStart).Texts(h.TenantID, h.PurgedHash, h.CarriedHash).
		Numbers(h.PurgedSeq, h.PurgedAt, h.CarriedSeq, h.CarriedAt)
}

// verifyStart checks the signature of a chain's start. A chain of which
// nothing was purged or taken over needs none: it then starts with record 1.
func (k chainKeys) verifyStart(h db.AuditHead) error {
	switch {
	case h.PurgedSeq == 0 && h.PurgedHash == "" && h.CarriedSeq == 0 && h.CarriedHash == "", k.signer == nil && h.StartKeyID == "":
		return nil
	case k.signer == nil:
		return seal.ErrKey
	case h.StartKeyID == "":
		return errUnsigned
	}
	return startMessage(k.signer, &h).Verify(h.StartKeyID, h.StartMac)
}

// setStart returns the query's form of a head's start.
func setStart(h db.AuditHead) db.SetAuditStartParams {
	return db.SetAuditStartParams{
		TenantID: h.TenantID, PurgedSeq: h.PurgedSeq, PurgedHash: h.PurgedHash, PurgedAt: h.PurgedAt,
		CarriedSeq: h.CarriedSeq, CarriedHash: h.CarriedHash, CarriedAt: h.CarriedAt,
		StartKeyID: h.StartKeyID, StartMac: h.StartMac,
	}
}

// plainHash is the hash of a row that versions before signatures wrote:
// SHA-256 over its predecessor's hash and all its columns, each preceded by
// its length.
func plainHash(r db.AuditLog) string {
	b := make([]byte, 0, hashedBytes)
	for _, s := range []string{r.PrevHash, r.TenantID, r.ID, r.UserID, r.UserEmail, r.Event, r.IpAddress, r.Metadata} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendVarint(b, r.Seq)
	b = binary.AppendVarint(b, r.CreatedAt)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hashedBytes is more than most records hash, and little enough for the stack.
const hashedBytes = 2 << 10

// notAuthentic says in words why a signature does not hold.
func notAuthentic(err error) string {
	switch {
	case errors.Is(err, seal.ErrKey):
		return "it is signed with a key that is no longer configured"
	case errors.Is(err, errUnsigned):
		return "it is not signed"
	default:
		return "its signature does not match"
	}
}

func chainFault(text string) error { return fault.New(fault.Conflict, text) }
