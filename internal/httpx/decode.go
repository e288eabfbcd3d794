package httpx

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
)

// The body limits of contract 1.
const (
	ManagementBody = 1 << 20
	FormBody       = 64 << 10
	MCPBody        = 16 << 20
)

// ReadBody reads the whole body. It lifts the read deadline that [Front] set
// for the body, so that a response may stream for as long as it needs.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	return ReadLargeBody(w, r, limit, nil)
}

// SmallBody is how many bytes of a body are read before memory is taken for
// the rest. Whoever announces a large body and sends none holds no more.
const SmallBody = 64 << 10

// ReadLargeBody is [ReadBody] for bodies whose memory is counted. Beyond
// [SmallBody] it calls reserve once, with the bytes that the body announces,
// or the limit when it announces none, before it reads on. With a nil reserve
// the memory grows with what arrives.
func ReadLargeBody(w http.ResponseWriter, r *http.Request, limit int64, reserve func(bytes int) error) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(nil)
	}
	var buf bytes.Buffer
	body := http.MaxBytesReader(w, r.Body, limit)
	more, err := readSmall(&buf, body, r.ContentLength)
	if more && reserve != nil {
		if err := reserveRest(&buf, r.ContentLength, limit, reserve); err != nil {
			return nil, err
		}
	}
	if more {
		_, err = buf.ReadFrom(body)
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(err)
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, err, "Request body could not be read")
	}
	// A writer without deadlines (a test's recorder) has none to lift.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fault.Wrap(fault.Canceled, err, clientGone)
	}
	return buf.Bytes(), nil
}

// readSmall reads the first [SmallBody] bytes of a body of which length bytes
// are announced, -1 for no word. It reports whether there may be more.
func readSmall(buf *bytes.Buffer, body io.Reader, length int64) (more bool, err error) {
	buf.Grow(int(min(max(length, 0), SmallBody)) + bytes.MinRead)
	if 0 <= length && length <= SmallBody {
		_, err = buf.ReadFrom(body)
		return false, err
	}
	n, err := buf.ReadFrom(io.LimitReader(body, SmallBody))
	return err == nil && n == SmallBody, err
}

// reserveRest reserves memory for the whole body, and makes the buffer as
// large as has been announced.
func reserveRest(buf *bytes.Buffer, length, limit int64, reserve func(bytes int) error) error {
	if length < 0 {
		return reserve(int(limit))
	}
	if err := reserve(int(length)); err != nil {
		return err
	}
	buf.Grow(int(length) - buf.Len() + bytes.MinRead)
	return nil
}

func tooLarge(cause error) error {
	return fault.Wrap(fault.TooLarge, cause, "Request body too large")
}

// managementValues is how many JSON values the body of a management route may
// hold. The largest real one has a few hundred, and as many as this decode to
// 4 MB.
const managementValues = 10_000

// Decode reads a JSON body of a management route into a T. Any other content
// type is refused, so that a cross-site form cannot post (contract 1). Members
// that T does not know are ignored, unless they are a known name in another
// case: to ignore those would drop what the caller meant to set. Duplicate
// members are refused (RFC 8259, section 4).
func Decode[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var v T
	if !isJSON(r.Header.Get("Content-Type")) {
		return v, Invalid(Problem{Type: "content_type", Loc: []string{"body"}, Msg: "Content-Type must be application/json", Input: r.Header.Get("Content-Type")})
	}
	body, err := ReadBody(w, r, ManagementBody)
	if err != nil {
		return v, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return v, Invalid(Missing("body"))
	}
	if _, err := jsonbound.Measure(body, managementValues); err != nil {
		return v, Invalid(Problem{Type: "json_too_large", Loc: []string{"body"}, Msg: "The body is refused: " + err.Error()})
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, Invalid(decodeProblem(err))
	}
	return v, Invalid(wrongCase(body, reflect.TypeFor[T]())...)
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"))
}

func decodeProblem(err error) Problem {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(syntax, jsontext.ErrDuplicateName) {
			return Problem{Type: "json_duplicate", Loc: locOf(syntax.JSONPointer), Msg: "Duplicate member"}
		}
		return Problem{Type: "json_invalid", Loc: []string{"body"}, Msg: "JSON decode error"}
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		p := typeProblem(semantic)
		p.Loc = locOf(semantic.JSONPointer)
		return p
	}
	return Problem{Type: "json_invalid", Loc: []string{"body"}, Msg: "JSON decode error"}
}

// locOf turns a JSON pointer (RFC 6901) into a path below the body.
func locOf(p jsontext.Pointer) []string {
	loc := []string{"body"}
	for token := range p.Tokens() {
		loc = append(loc, token)
	}
	return loc
}

func typeProblem(e *json.SemanticError) Problem {
	p := Problem{Type: "value_error", Msg: "Value error, not a valid value", Input: inputOf(e.JSONValue)}
	// A type with a text form of its own (a role, a time, a UUID) says what is
	// wrong better than its Go kind does.
	if e.GoType == nil || e.JSONKind == jsontext.KindString && e.GoType.Kind() != reflect.String && e.Err != nil {
		return p
	}
	switch kind := e.GoType.Kind(); {
	case kind == reflect.String:
		p.Type, p.Msg = "string_type", "Input should be a valid string"
	case kind == reflect.Bool:
		p.Type, p.Msg = "bool_type", "Input should be a valid boolean"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		p.Type, p.Msg = "int_type", "Input should be a valid integer"
	case kind == reflect.Float32 || kind == reflect.Float64:
		p.Type, p.Msg = "float_type", "Input should be a valid number"
	case kind == reflect.Slice || kind == reflect.Array:
		p.Type, p.Msg = "list_type", "Input should be a valid list"
	case kind == reflect.Struct || kind == reflect.Map:
		p.Type, p.Msg = "dict_type", "Input should be a valid object"
	}
	return p
}

// inputOf returns a text, a number or a literal, nil for anything else.
func inputOf(v jsontext.Value) any {
	var input any
	if len(v) == 0 || v[0] == '{' || v[0] == '[' || json.Unmarshal(v, &input) != nil {
		return nil
	}
	return input
}

// wrongCase finds the members of the top object that differ from a field of t
// only in case.
func wrongCase(body []byte, t reflect.Type) (problems []Problem) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	known := memberNames(t)
	var sent map[string]jsontext.Value
	if json.Unmarshal(body, &sent) != nil {
		return nil // null: no members
	}
	for name := range sent {
		for _, k := range known {
			if name != k && strings.EqualFold(name, k) {
				problems = append(problems, Problem{Type: "extra_forbidden", Loc: []string{"body", name}, Msg: "Unknown field; did you mean '" + k + "'?"})
			}
		}
	}
	return problems
}

func memberNames(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			names = append(names, memberNames(f.Type)...)
		case tag != "" && tag != "-":
			names = append(names, tag)
		}
	}
	return names
}
