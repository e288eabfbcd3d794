package gate

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// wholeNumbers writes numbers such as 10.0 and 1e2 as 10 and 100. JSON Schema
// takes them for integers, Go's decoder does not.
func wholeNumbers(args json.RawMessage) json.RawMessage {
	var out []byte
	copied := 0
	for i := 0; i < len(args); {
		switch c := args[i]; {
		case c == '"':
			i += lenString(args[i:])
		case c == '-' || '0' <= c && c <= '9':
			end := i + lenNumber(args[i:])
			if whole, ok := wholeNumber(args[i:end]); ok {
				out = append(append(out, args[copied:i]...), whole...)
				copied = end
			}
			i = end
		default:
			i++
		}
	}
	if copied == 0 {
		return args
	}
	return append(out, args[copied:]...)
}

// lenString returns the length of the JSON string that b begins with.
func lenString(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func lenNumber(b []byte) int {
	n := bytes.IndexFunc(b, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) })
	if n < 0 {
		return len(b)
	}
	return n
}

// maxExact is where floating point numbers stop holding every integer.
const maxExact = 1 << 53

func wholeNumber(literal []byte) ([]byte, bool) {
	if !bytes.ContainsAny(literal, ".eE") {
		return nil, false
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > maxExact {
		return nil, false
	}
	return strconv.AppendInt(nil, int64(f), 10), true
}
