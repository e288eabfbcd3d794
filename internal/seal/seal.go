// Package seal keeps secrets: it encrypts what must be read again (AES-256-GCM),
// hashes what must only be recognised (HMAC-SHA-256) and hashes passwords
// (argon2id). Every key has an id, so that keys rotate without downtime
// (contract 11.1, 12).
package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Key is a derived key. Its id names it without revealing it.
type Key struct {
	ID     string
	Secret []byte
}

// What keys are derived for. A key of one purpose is useless for another, and
// the ids of different purposes say nothing about each other.
const (
	purposeEncrypt = "mcp-gateway/v1/encrypt"
	purposeHash    = "mcp-gateway/v1/token-hash"
	purposeSign    = "mcp-gateway/v1/jwt"
	purposeAudit   = "mcp-gateway/v1/audit"
)

const (
	idBytes   = 6
	signBytes = 64 // enough for HS512 (RFC 7518, section 3.2)
)

var errNoKey = errors.New("seal: no current key")

// SigningKeys derives the keys that sign access tokens from SECRET_KEY and
// SECRET_KEYS_OLD, current first.
func SigningKeys(current string, old []string) ([]Key, error) {
	return derive(purposeSign, signBytes, current, old)
}

// derive makes one key of each text, current first, with HKDF-SHA-256
// (RFC 5869). The texts are random by the rules of contract 11.1, so no slow
// derivation is needed.
func derive(purpose string, size int, current string, old []string) ([]Key, error) {
	if current == "" {
		return nil, errNoKey
	}
	keys := make([]Key, 0, 1+len(old))
	for _, text := range append([]string{current}, old...) {
		secret, err := hkdf.Key(sha256.New, []byte(text), nil, purpose, size)
		if err != nil {
			return nil, fmt.Errorf("seal: derive key: %w", err)
		}
		id, err := hkdf.Key(sha256.New, []byte(text), nil, purpose+"/id", idBytes)
		if err != nil {
			return nil, fmt.Errorf("seal: derive key id: %w", err)
		}
		keys = append(keys, Key{ID: hex.EncodeToString(id), Secret: secret})
	}
	return keys, nil
}
