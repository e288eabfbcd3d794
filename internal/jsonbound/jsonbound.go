// Package jsonbound counts the contents of a JSON text before anything decodes
// it. A decoder makes up to fifty times a text's bytes out of it, depending on
// its shape ([{},{},…]), so the bytes alone bound no memory.
package jsonbound

import (
	"bytes"
	"errors"
	"strconv"
)

// Depth is how deep arrays and objects may be nested. Decoders recurse.
const Depth = 128

// maxNumber is how many bytes a number may have. Longer ones say nothing that
// a decoder keeps, and cost it time.
const maxNumber = 1000

// The refusals of [Measure]. Their texts are for people.
var (
	ErrDepth  = errors.New("nested deeper than " + strconv.Itoa(Depth) + " levels")
	ErrNumber = errors.New("a number is longer than " + strconv.Itoa(maxNumber) + " characters")
	ErrValues = errors.New("too many JSON values")
)

// Size is what a JSON text holds.
type Size struct {
	Bytes   int
	Values  int // texts, numbers, literals, arrays, objects
	Names   int // of members
	Objects int
}

// The bytes that decoding a part into an any takes at most: slices and maps
// grow by doubling, and the checks that follow keep notes on names.
// TestDecodedCoversTheDecoder compares them with Go's decoder.
const (
	perValue  = 120
	perName   = 160
	perObject = 352 // that has members
	perByte   = 4   // copies of texts that decoding, checking and using makes
)

// Decoded returns how many bytes the decoded text takes at most, with what is
// made of it on the way.
func (s Size) Decoded() int {
	return perByte*s.Bytes + perValue*s.Values + perName*s.Names + perObject*min(s.Objects, s.Names)
}

// Measure counts what the text holds, in one pass and without memory of its
// own. It stops at the first bound that the text exceeds; values is the most
// that it may hold. A text that is not JSON is counted as far as it resembles
// JSON, which covers what a decoder makes of it before it fails.
func Measure(text []byte, values int) (Size, error) {
	size := Size{Bytes: len(text)}
	tokens, depth := 0, 0
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '"':
			tokens++
			i += lengthOfString(text[i:])
			continue
		case '{', '[':
			tokens++
			if c == '{' {
				size.Objects++
			}
			if depth++; depth > Depth {
				return size, ErrDepth
			}
		case '}', ']':
			depth--
		case ':':
			size.Names++
		case ',', ' ', '\t', '\n', '\r':
		default:
			tokens++
			n := lengthOfScalar(text[i:])
			if n > maxNumber {
				return size, ErrNumber
			}
			i += n
			continue
		}
		i++
		if tokens-size.Names > values {
			return size, ErrValues
		}
	}
	size.Values = tokens - size.Names
	if size.Values > values {
		return size, ErrValues
	}
	return size, nil
}

// lengthOfString returns the length of the string at the beginning of text,
// with its quotes.
func lengthOfString(text []byte) int {
	for end := 1; ; end++ {
		quote := bytes.IndexByte(text[end:], '"')
		if quote < 0 {
			return len(text)
		}
		end += quote
		escapes := 0
		for text[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
	}
}

// lengthOfScalar returns the length of the number or literal at the beginning
// of text.
func lengthOfScalar(text []byte) int {
	for i, c := range text {
		switch c {
		case ',', ']', '}', ':', '"', '[', '{', ' ', '\t', '\n', '\r':
			return max(i, 1)
		}
	}
	return len(text)
}
