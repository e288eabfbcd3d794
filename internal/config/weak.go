package config

import (
	"fmt"
	"strings"
)

const (
	minKeyLength   = 32
	minTokenLength = 16

	// minDistinct is how many different characters a key holds at least. Of 32
	// random hexadecimal digits fewer than 8 differ less than once in ten
	// million keys.
	minDistinct = 8
)

// sampleWords mark texts that were copied from a document. None of them is
// hexadecimal, so a generated key cannot hold one.
var sampleWords = []string{
	"changeme", "changethis", "changein", "replaceme", "replacethis", "replacewith",
	"yoursecret", "mysecret", "supersecret", "secretkey", "encryptionkey", "yourkey", "yourown",
	"placeholder", "insecure", "notsecure", "example", "sample", "password", "default", "testkey", "inproduction",
}

// weakness says why a key is refused, "" when it is not. It never repeats the
// key.
func weakness(key string, minLength int) string {
	switch {
	case isSample(key):
		return "is a sample value"
	case len(key) < minLength:
		return fmt.Sprintf("must have at least %d characters", minLength)
	case distinct(key) < minDistinct || isRun(key) || period(key) < minLength/2:
		return "is too predictable"
	default:
		return ""
	}
}

func isSample(key string) bool {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(key))
	for _, word := range sampleWords {
		if strings.Contains(letters, word) {
			return true
		}
	}
	return false
}

func distinct(s string) int {
	seen := make(map[rune]bool)
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// isRun reports whether most characters repeat or follow their neighbour, as
// in abcdef… or 1122334455….
func isRun(s string) bool {
	steps := 0
	for i := 1; i < len(s); i++ {
		if d := int(s[i]) - int(s[i-1]); d >= -1 && d <= 1 {
			steps++
		}
	}
	return 2*steps > len(s)
}

// period returns the length of the shortest text that, repeated, makes s.
func period(s string) int {
	for n := 1; n < len(s); n++ {
		if strings.HasPrefix(s, s[n:]) {
			return n
		}
	}
	return len(s)
}
