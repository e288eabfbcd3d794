package auth

import (
	"crypto/sha256"
	"sync"
)

// verifiedMax bounds each generation of the cache: two of them are a few
// megabytes at most.
const verifiedMax = 4096

// verified remembers the claims of tokens whose signature was checked, because
// a client sends the same token with every message. Only what cannot change is
// remembered; expiry and the live user are judged on every use. It has two
// generations: when the young one is full it becomes the old one, so that what
// is in use stays and no clean-up is needed.
type verified struct {
	mu    sync.Mutex
	young map[[sha256.Size]byte]*claims
	old   map[[sha256.Size]byte]*claims
}

func (v *verified) get(key [sha256.Size]byte) *claims {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.young[key]; c != nil {
		return c
	}
	c := v.old[key]
	if c != nil {
		v.add(key, c)
	}
	return c
}

func (v *verified) put(key [sha256.Size]byte, c *claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.add(key, c)
}

// add needs v.mu.
func (v *verified) add(key [sha256.Size]byte, c *claims) {
	if v.young == nil || len(v.young) >= verifiedMax {
		v.old, v.young = v.young, make(map[[sha256.Size]byte]*claims)
	}
	v.young[key] = c
}
