package mcp

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// Hasher hashes under keys that all instances share.
type Hasher interface {
	// Hash returns the hash under the current key, in hex, and the key's id.
	Hash(raw string) (hash, keyID string)
	// Hashes returns the hashes under every accepted key.
	Hashes(raw string) []string
}

// sessionIDs makes and reads the ids of HTTP+SSE sessions:
//
//	<256 random bits>.<instance that holds the session>.<MAC of both>
//
// The MAC is no part of what makes an id unguessable. It keeps ids that nobody
// was given from causing questions to other instances.
type sessionIDs struct {
	instance string
	keys     Hasher
}

const (
	sessionIDBytes = 32 // 256 bits (contract 6.2)
	macDigits      = 32 // 128 bits in hex
	// macPurpose keeps what is hashed here apart from the secrets that the same
	// keys hash.
	macPurpose = "http+sse session "
)

func (s sessionIDs) next() string {
	var random [sessionIDBytes]byte
	rand.Read(random[:])
	text := base64.RawURLEncoding.EncodeToString(random[:]) + "." + s.instance
	hash, _ := s.keys.Hash(macPurpose + text)
	return text + "." + hash[:macDigits]
}

// holder returns the instance that made the id. What does not begin like an id
// is malformed; what begins like one and was never made is as good as unknown.
func (s sessionIDs) holder(id string) (instance string, err error) {
	start, rest, _ := strings.Cut(id, ".")
	random, err := base64.RawURLEncoding.DecodeString(start)
	if err != nil || len(random) != sessionIDBytes {
		return "", errSessionID
	}
	instance, mac, _ := strings.Cut(rest, ".")
	for _, hash := range s.keys.Hashes(macPurpose + start + "." + instance) {
		if hmac.Equal([]byte(hash[:macDigits]), []byte(mac)) {
			return instance, nil
		}
	}
	return "", errNoSession
}

// The refusals of a session id.
var (
	errSessionID = fault.New(fault.Invalid, "Invalid session ID")
	errNoSession = fault.New(fault.NotFound, "Could not find session")
)
