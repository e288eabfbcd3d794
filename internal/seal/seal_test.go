package seal

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

const (
	newText = "new-key-0123456789abcdef0123456789abcdef"
	oldText = "old-key-0123456789abcdef0123456789abcdef"
)

func mustRing(t *testing.T, current string, old ...string) *Ring {
	t.Helper()
	r, err := NewRing(current, old)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRingOpensOnlyInPlace(t *testing.T) {
	ring := mustRing(t, newText)
	home := Place{Tenant: "t1", Table: "db_connections", Row: "r1"}
	sealed := ring.Seal("postgres://u:p@h/db", home)
	if strings.Contains(sealed, "postgres") {
		t.Fatalf("sealed value shows the text: %s", sealed)
	}
	got, err := ring.Open(sealed, home)
	if err != nil || got != "postgres://u:p@h/db" {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if again := ring.Seal("postgres://u:p@h/db", home); again == sealed {
		t.Error("two seals of one text are equal")
	}
	for name, place := range map[string]Place{
		"other tenant":  {Tenant: "t2", Table: "db_connections", Row: "r1"},
		"other table":   {Tenant: "t1", Table: "users", Row: "r1"},
		"other row":     {Tenant: "t1", Table: "db_connections", Row: "r2"},
		"moved borders": {Tenant: "t1d", Table: "b_connections", Row: "r1"},
		"nowhere":       {},
	} {
		if _, err := ring.Open(sealed, place); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: err = %v, want ErrOpen", name, err)
		}
	}
}

func TestRingRefusesWhatItDidNotMake(t *testing.T) {
	ring := mustRing(t, newText)
	place := Place{Tenant: "t", Table: "x", Row: "r"}
	sealed := ring.Seal("text", place)
	flipped := []byte(sealed)
	if at := len(flipped) - 4; flipped[at] == 'A' {
		flipped[at] = 'B'
	} else {
		flipped[at] = 'A'
	}
	for name, c := range map[string]struct {
		value string
		want  error
	}{
		"empty":            {"", ErrForm},
		"plain text":       {"postgres://u:p@h/db", ErrForm},
		"two parts":        {"v1.abc", ErrForm},
		"other version":    {"v2" + strings.TrimPrefix(sealed, "v1"), ErrForm},
		"not base64":       {sealed[:len("v1.")+2*idBytes+1] + "***", ErrForm},
		"cut":              {sealed[:len(sealed)-8], ErrOpen},
		"shorter than tag": {sealed[:len("v1.")+2*idBytes+1] + "AAAA", ErrOpen},
		"flipped bit":      {string(flipped), ErrOpen},
		"unknown key":      {mustRing(t, oldText).Seal("text", place), ErrKey},
	} {
		if _, err := ring.Open(c.value, place); !errors.Is(err, c.want) {
			t.Errorf("%s: err = %v, want %v", name, err, c.want)
		}
	}
}

func TestRingRotation(t *testing.T) {
	place := Place{Tenant: "t", Table: "x", Row: "r"}
	before := mustRing(t, oldText).Seal("text", place)
	ring := mustRing(t, newText, oldText)
	if got, err := ring.Open(before, place); err != nil || got != "text" {
		t.Fatalf("old value: %q, %v", got, err)
	}
	if !ring.NeedsRewrap(before) {
		t.Error("old value needs no rewrap")
	}
	after, err := ring.Rewrap(before, place)
	if err != nil {
		t.Fatal(err)
	}
	if ring.NeedsRewrap(after) {
		t.Error("rewrapped value needs a rewrap")
	}
	if got, err := mustRing(t, newText).Open(after, place); err != nil || got != "text" {
		t.Errorf("without the old key: %q, %v", got, err)
	}
	if _, err := NewRing("", nil); err == nil {
		t.Error("a ring without a key was made")
	}
}

func TestHasher(t *testing.T) {
	old, err := NewHasher(oldText, nil)
	if err != nil {
		t.Fatal(err)
	}
	both, err := NewHasher(newText, []string{oldText})
	if err != nil {
		t.Fatal(err)
	}
	oldHash, oldID := old.Hash("mgw_secret")
	newHash, newID := both.Hash("mgw_secret")
	if diff := cmp.Diff([]string{newHash, oldHash}, both.Hashes("mgw_secret")); diff != "" {
		t.Errorf("Hashes (-want +got):\n%s", diff)
	}
	if oldID == newID || oldHash == newHash || len(newHash) != 64 {
		t.Errorf("ids %s %s, hashes %s %s", oldID, newID, oldHash, newHash)
	}
}

func TestPurposesDoNotMix(t *testing.T) {
	sign, err := SigningKeys(newText, nil)
	if err != nil {
		t.Fatal(err)
	}
	ring := mustRing(t, newText)
	hasher, err := NewHasher(newText, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{sign[0].ID: true, ring.current: true, hasher.keys[0].ID: true}
	if len(ids) != 3 {
		t.Errorf("key ids of different purposes are equal: %v", ids)
	}
	if len(sign[0].Secret) != signBytes {
		t.Errorf("signing key has %d bytes", len(sign[0].Secret))
	}
}

func TestPasswords(t *testing.T) {
	p := NewPasswords(1)
	hash, err := p.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	weak := &Passwords{current: params{memory: 1024, time: 1, threads: 1}, slots: make(chan struct{}, 1)}
	weakHash, err := weak.Hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		password, hash string
		ok, stale      bool
	}{
		"right":          {"correct horse battery", hash, true, false},
		"wrong":          {"correct horse", hash, false, false},
		"empty":          {"", hash, false, false},
		"no hash":        {"correct horse battery", "", false, false},
		"nothing at all": {"", "", false, false},
		"old cost":       {"correct horse battery", weakHash, true, true},
		"old cost wrong": {"correct", weakHash, false, false},
	} {
		ok, stale, err := p.Verify(t.Context(), c.password, c.hash)
		if err != nil || ok != c.ok || stale != c.stale {
			t.Errorf("%s: ok=%v stale=%v err=%v, want %v %v", name, ok, stale, err, c.ok, c.stale)
		}
	}
	for _, bad := range []string{
		"x", "$2a$12$abc", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$argon2id$v=16$m=19456,t=2,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=4294967295,t=2,p=1$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=19456,t=0,p=1$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=19456,t=2,p=0$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43),
		"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 22) + "$",
	} {
		if ok, _, err := p.Verify(t.Context(), "x", bad); ok || err == nil {
			t.Errorf("%q: ok=%v err=%v", bad, ok, err)
		}
	}
}

func TestPasswordsWaitEndsWithContext(t *testing.T) {
	p := NewPasswords(1)
	p.slots <- struct{}{} // somebody is hashing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Hash(ctx, "correct horse battery"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("err = %v, want Unavailable", err)
	}
	<-p.slots
	if _, err := p.Hash(t.Context(), "correct horse battery"); err != nil {
		t.Errorf("after the slot is free: %v", err)
	}
}

func FuzzRingOpen(f *testing.F) {
	ring, err := NewRing(newText, nil)
	if err != nil {
		f.Fatal(err)
	}
	place := Place{Tenant: "t", Table: "x", Row: "r"}
	good := ring.Seal("text", place)
	f.Add(good)
	f.Add("v1..")
	f.Fuzz(func(t *testing.T, value string) {
		if text, err := ring.Open(value, place); err == nil && text != "text" {
			t.Errorf("opened %q to %q", value, text)
		}
	})
}

func BenchmarkPasswordHash(b *testing.B) {
	p := NewPasswords(1)
	for b.Loop() {
		if _, err := p.Hash(b.Context(), "correct horse battery"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	ring, err := NewRing(newText, nil)
	if err != nil {
		b.Fatal(err)
	}
	place := Place{Tenant: "tenant", Table: "db_connections", Row: "row"}
	sealed := ring.Seal("postgres://user:password@host:5432/database", place)
	for b.Loop() {
		if _, err := ring.Open(sealed, place); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHashes(b *testing.B) {
	h, err := NewHasher(newText, []string{oldText})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		h.Hashes("mgw_abcdefgh_0123456789012345678901234567890123456789012")
	}
}
