package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// Signer authenticates the gateway's own records (HMAC-SHA-256, RFC 2104), so
// that somebody who may write the database and has no key cannot make one.
type Signer struct {
	current  *signingKey
	keys     map[string]*signingKey // by id
	messages sync.Pool              // of *Message
}

// signingKey keeps hashes that have absorbed the key already.
type signingKey struct {
	id     string
	states sync.Pool // of *macState
}

type macState struct {
	hash hash.Hash
	sum  []byte
	text [2 * sha256.Size]byte
}

// NewSigner derives the keys from SECRET_KEY and SECRET_KEYS_OLD. It signs
// with the current key and verifies with all of them.
func NewSigner(current string, old []string) (*Signer, error) {
	keys, err := derive(purposeAudit, sha256.Size, current, old)
	if err != nil {
		return nil, err
	}
	s := &Signer{keys: make(map[string]*signingKey, len(keys))}
	s.messages.New = func() any { return &Message{signer: s} }
	for _, k := range keys {
		s.keys[k.ID] = newSigningKey(k)
	}
	s.current = s.keys[keys[0].ID]
	return s, nil
}

func newSigningKey(k Key) *signingKey {
	key := &signingKey{id: k.ID}
	key.states.New = func() any {
		return &macState{hash: hmac.New(sha256.New, k.Secret), sum: make([]byte, 0, sha256.Size)}
	}
	return key
}

// KeyID names the key that the signer signs with.
func (s *Signer) KeyID() string { return s.current.id }

// Knows reports whether the signer can verify what the key has signed.
func (s *Signer) Knows(keyID string) bool { return s.keys[keyID] != nil }

// Message begins a message of a kind. A signature of one kind is none of
// another. The message must end with Sign, Verify or
// VerifyWithAny.
func (s *Signer) Message(kind string) *Message {
	m := s.messages.Get().(*Message)
	m.text = m.text[:0]
	return m.Texts(kind)
}

// Message is what is signed, part by part. Each part is preceded by its
// length, so that no two messages give the same bytes.
type Message struct {
	signer *Signer
	text   []byte
}

// Texts appends texts.
func (m *Message) Texts(parts ...string) *Message {
	for _, s := range parts {
		m.text = binary.AppendUvarint(m.text, uint64(len(s)))
		m.text = append(m.text, s...)
	}
	return m
}

// Numbers appends numbers.
func (m *Message) Numbers(parts ...int64) *Message {
	for _, n := range parts {
		m.text = binary.AppendVarint(m.text, n)
	}
	return m
}

// Sign returns the signature under the current key, in hex.
func (m *Message) Sign() string {
	key := m.signer.current
	state := key.states.Get().(*macState)
	text := string(state.compute(m.text))
	key.states.Put(state)
	m.release()
	return text
}

// Verify returns nil when the key made the signature, ErrKey when the key is
// not configured and ErrOpen when it did not make it.
func (m *Message) Verify(keyID, signature string) error {
	defer m.release()
	key := m.signer.keys[keyID]
	if key == nil {
		return ErrKey
	}
	return key.verify(m.text, signature)
}

// VerifyWithAny returns nil when one of the configured keys made the signature
// and ErrOpen when none of them did. It is for signatures whose key is unknown.
func (m *Message) VerifyWithAny(signature string) error {
	defer m.release()
	for _, key := range m.signer.keys {
		if key.verify(m.text, signature) == nil {
			return nil
		}
	}
	return ErrOpen
}

func (k *signingKey) verify(text []byte, signature string) error {
	state := k.states.Get().(*macState)
	defer k.states.Put(state)
	if !hmac.Equal(state.compute(text), []byte(signature)) {
		return ErrOpen
	}
	return nil
}

// maxKept is the longest buffer that is used again: one long message must not
// hold its memory for ever.
const maxKept = 64 << 10

func (m *Message) release() {
	if cap(m.text) <= maxKept {
		m.signer.messages.Put(m)
	}
}

// compute returns the signature of the text, valid until the state is used
// again.
func (s *macState) compute(text []byte) []byte {
	s.hash.Reset()
	s.hash.Write(text)
	s.sum = s.hash.Sum(s.sum[:0])
	hex.Encode(s.text[:], s.sum)
	return s.text[:]
}
