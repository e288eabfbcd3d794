package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Ring encrypts under its current key and decrypts under all its keys.
type Ring struct {
	current string
	ids     []string
	sealers map[string]cipher.AEAD
}

// NewRing derives the keys from ENCRYPTION_KEY and ENCRYPTION_KEYS_OLD.
func NewRing(current string, old []string) (*Ring, error) {
	keys, err := derive(purposeEncrypt, 32, current, old)
	if err != nil {
		return nil, err
	}
	r := &Ring{current: keys[0].ID, sealers: make(map[string]cipher.AEAD, len(keys))}
	for _, k := range keys {
		block, err := aes.NewCipher(k.Secret)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		if r.sealers[k.ID], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		r.ids = append(r.ids, k.ID)
	}
	return r, nil
}

// KeyIDs returns the ids of the ring's keys, current first.
func (r *Ring) KeyIDs() []string { return r.ids }

// Place is where a sealed value is stored. It is part of what the seal
// protects: a value that was moved to another row, table or tenant does not
// open (contract 15.2, A20).
type Place struct{ Tenant, Table, Row string }

// data encodes the place so that no two places give the same bytes.
func (p Place) data() []byte {
	var b []byte
	for _, s := range []string{p.Tenant, p.Table, p.Row} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// version begins every sealed value: v1.<key id>.<base64url of nonce and
// ciphertext>.
const version = "v1"

// What Open may find. The texts say nothing about the value.
var (
	ErrForm = errors.New("seal: not a sealed value")
	ErrKey  = errors.New("seal: sealed under a key that is not configured")
	ErrOpen = errors.New("seal: value was changed or moved")
)

// Seal encrypts a text for a place.
func (r *Ring) Seal(text string, at Place) string {
	box := r.sealers[r.current].Seal(nil, nil, []byte(text), at.data())
	return version + "." + r.current + "." + base64.RawURLEncoding.EncodeToString(box)
}

// Open decrypts a value that was sealed for the place.
func (r *Ring) Open(sealed string, at Place) (string, error) {
	id, body, err := split(sealed)
	if err != nil {
		return "", err
	}
	sealer, ok := r.sealers[id]
	if !ok {
		return "", ErrKey
	}
	box, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return "", ErrForm
	}
	text, err := sealer.Open(nil, nil, box, at.data())
	if err != nil {
		return "", ErrOpen
	}
	return string(text), nil
}

// NeedsRewrap reports whether the value is sealed under another key than the
// current one.
func (r *Ring) NeedsRewrap(sealed string) bool {
	id, _, err := split(sealed)
	return err != nil || id != r.current
}

// Rewrap seals the same text under the current key.
func (r *Ring) Rewrap(sealed string, at Place) (string, error) {
	text, err := r.Open(sealed, at)
	if err != nil {
		return "", err
	}
	return r.Seal(text, at), nil
}

func split(sealed string) (id, body string, err error) {
	v, rest, _ := strings.Cut(sealed, ".")
	id, body, ok := strings.Cut(rest, ".")
	if v != version || !ok {
		return "", "", ErrForm
	}
	return id, body, nil
}
