package seal_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

func mustSigner(t testing.TB, current string, old ...string) *seal.Signer {
	t.Helper()
	s, err := seal.NewSigner(current, old)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignerRefusesWhatItDidNotSign(t *testing.T) {
	const first, second = "first-9f8e7d6c5b4a39281706f5e4d3c2b1a0", "second-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
	s := mustSigner(t, first)
	mac := s.Message("record").Texts("ab", "c").Numbers(7).Sign()
	for name, c := range map[string]struct {
		signer *seal.Signer
		mac    string
		key    string
		m      func(s *seal.Signer) *seal.Message
		want   error
	}{
		"same":         {s, mac, s.KeyID(), func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(7) }, nil},
		"other kind":   {s, mac, s.KeyID(), func(s *seal.Signer) *seal.Message { return s.Message("head").Texts("ab", "c").Numbers(7) }, seal.ErrOpen},
		"other split":  {s, mac, s.KeyID(), func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("a", "bc").Numbers(7) }, seal.ErrOpen},
		"other number": {s, mac, s.KeyID(), func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(8) }, seal.ErrOpen},
		"cut":          {s, mac[:32], s.KeyID(), func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(7) }, seal.ErrOpen},
		"empty":        {s, "", s.KeyID(), func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(7) }, seal.ErrOpen},
		"no key":       {s, mac, "", func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(7) }, seal.ErrKey},
		"rotated": {mustSigner(t, second, first), mac, s.KeyID(),
			func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(7) }, nil},
		"dropped": {mustSigner(t, second), mac, s.KeyID(),
			func(s *seal.Signer) *seal.Message { return s.Message("record").Texts("ab", "c").Numbers(7) }, seal.ErrKey},
	} {
		if err := c.m(c.signer).Verify(c.key, c.mac); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestSignerIsForManyAtOnce(t *testing.T) {
	s := mustSigner(t, "first-9f8e7d6c5b4a39281706f5e4d3c2b1a0")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			text := strings.Repeat("x", i*10_000)
			for range 200 {
				mac := s.Message("record").Texts(text).Sign()
				if err := s.Message("record").Texts(text).Verify(s.KeyID(), mac); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSign(b *testing.B) {
	s := mustSigner(b, "first-9f8e7d6c5b4a39281706f5e4d3c2b1a0")
	text := strings.Repeat("x", 500)
	b.ReportAllocs()
	for b.Loop() {
		s.Message("record").Texts(text).Numbers(1, 2).Sign()
	}
}

// TestVerifyWithAny finds the key of a signature that does not name it.
func TestVerifyWithAny(t *testing.T) {
	const first, second, third = "first secret, long enough to be taken", "second secret, long enough to be taken", "third secret, long enough to be taken"
	signature := mustSigner(t, first).Message("kind").Texts("a").Sign()
	if err := mustSigner(t, second, first).Message("kind").Texts("a").VerifyWithAny(signature); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another key":     mustSigner(t, second, third).Message("kind").Texts("a").VerifyWithAny(signature),
		"another message": mustSigner(t, first).Message("kind").Texts("b").VerifyWithAny(signature),
		"another kind":    mustSigner(t, first).Message("other").Texts("a").VerifyWithAny(signature),
		"nothing":         mustSigner(t, first).Message("kind").Texts("a").VerifyWithAny(""),
	} {
		if !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
