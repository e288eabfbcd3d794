package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Hasher hashes random secrets (API keys, refresh tokens) so that they can be
// looked up and not be read. Without the key a stolen database does not even
// allow to test a guess; dropping the key voids them all (contract 15.2, A21).
type Hasher struct{ keys []Key }

// NewHasher derives the keys from SECRET_KEY and SECRET_KEYS_OLD.
func NewHasher(current string, old []string) (*Hasher, error) {
	keys, err := derive(purposeHash, sha256.Size, current, old)
	if err != nil {
		return nil, err
	}
	return &Hasher{keys: keys}, nil
}

// Hash returns the hash under the current key, in hex, and the key's id.
func (h *Hasher) Hash(raw string) (hash, keyID string) {
	return digest(h.keys[0], raw), h.keys[0].ID
}

// Hashes returns the hashes under every accepted key, current first.
func (h *Hasher) Hashes(raw string) []string {
	hashes := make([]string, len(h.keys))
	for i, k := range h.keys {
		hashes[i] = digest(k, raw)
	}
	return hashes
}

func digest(k Key, raw string) string {
	mac := hmac.New(sha256.New, k.Secret)
	mac.Write([]byte(raw))
	return hex.EncodeToString(mac.Sum(nil))
}
