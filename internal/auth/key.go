package auth

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// The form of an API key (contract 2.4): mgw_<first 8 of R>_<R>, where R is 32
// random bytes in 43 characters of URL-safe base64.
const (
	keyRandomBytes  = 32
	keyRandomLength = 43
	keyIDLength     = 8
	// KeyPrefixLength is the length of the part of a key that may be shown.
	KeyPrefixLength = len(keyPrefix) + keyIDLength
	keyLength       = KeyPrefixLength + 1 + keyRandomLength
)

// NewKey returns a new API key and the prefix by which people tell keys apart.
func NewKey() (raw, prefix string) {
	random := randomText()
	prefix = keyPrefix + random[:keyIDLength]
	return prefix + "_" + random, prefix
}

// wellFormedKey spares the store a look-up for what cannot be a key.
func wellFormedKey(raw string) bool {
	return len(raw) == keyLength && strings.HasPrefix(raw, keyPrefix) &&
		raw[len(keyPrefix):KeyPrefixLength] == raw[KeyPrefixLength+1:][:keyIDLength]
}

// randomText returns 256 random bits as text.
func randomText() string {
	b := make([]byte, keyRandomBytes)
	rand.Read(b) //nolint:errcheck // crypto/rand never fails, it aborts the program
	return base64.RawURLEncoding.EncodeToString(b)
}
