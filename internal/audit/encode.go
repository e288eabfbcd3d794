package audit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// appendObject appends the document as [json.Marshal] writes it, at a third of
// its cost: one is encoded on the way of every call. Only characters that
// deceive a reader are written otherwise, see [Visible].
func appendObject(dst []byte, doc map[string]any) ([]byte, error) {
	names := slices.AppendSeq(make([]string, 0, len(doc)), maps.Keys(doc))
	slices.Sort(names)
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendString(dst, name); err != nil {
			return nil, err
		}
		if dst, err = appendValue(append(dst, ':'), doc[name]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendValue writes the kinds itself that most records hold.
func appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendString(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case []string:
		return appendList(dst, v)
	default:
		b, err := json.Marshal(v)
		return appendVisible(dst, b), err
	}
}

func appendList(dst []byte, list []string) ([]byte, error) {
	if list == nil {
		return append(dst, "null"...), nil
	}
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendString(dst, s); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendString leaves what needs an escape to [json.Marshal].
func appendString(dst []byte, s string) ([]byte, error) {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			b, err := json.Marshal(Visible(s))
			return append(dst, b...), err
		}
	}
	return append(append(append(dst, '"'), s...), '"'), nil
}
