package api

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/go-json-experiment/json"

	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// checker is a body with rules that a schema cannot say. check may also bring
// fields into their stored form.
type checker interface{ check() []httpx.Problem }

// decode reads the request's body into in: strict JSON first, then the schema
// that the OpenAPI document shows, then the body's own rules.
func decode[In any](w http.ResponseWriter, r *http.Request, s schema) (In, error) {
	var raw bytes.Buffer
	r.Body = io.NopCloser(io.TeeReader(r.Body, &raw))
	in, err := httpx.Decode[In](w, r)
	if err != nil {
		return in, err
	}
	if problems := s.check(raw.Bytes()); len(problems) > 0 {
		return in, httpx.Invalid(problems...)
	}
	if c, ok := any(&in).(checker); ok {
		return in, httpx.Invalid(c.check()...)
	}
	return in, nil
}

// schema is what a body type is checked against.
type schema struct {
	registry huma.Registry
	root     *huma.Schema
}

func newSchema(registry huma.Registry, t reflect.Type) schema {
	return schema{registry, registry.SchemaFromRef(registry.Schema(t, true, "").Ref)}
}

// check validates a body that decoded well.
func (s schema) check(body []byte) []httpx.Problem {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return []httpx.Problem{{Type: "json_invalid", Loc: []string{"body"}, Msg: "JSON decode error"}}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return []httpx.Problem{{Type: "dict_type", Loc: []string{"body"}, Msg: "Input should be a valid object"}}
	}
	var result huma.ValidateResult
	huma.Validate(s.registry, s.root, huma.NewPathBuffer([]byte{}, 0), huma.ModeWriteToServer, object, &result)
	problems := unstorable(object, []string{"body"})
	for _, err := range result.Errors {
		if detail, ok := err.(*huma.ErrorDetail); ok {
			problems = append(problems, problemOf(detail))
		}
	}
	return problems
}

func problemOf(d *huma.ErrorDetail) httpx.Problem {
	loc := []string{"body"}
	if d.Location != "" {
		loc = append(loc, strings.Split(d.Location, ".")...)
	}
	if field, ok := missingField(d.Message); ok {
		return httpx.Missing(append(loc, field)...)
	}
	problem := httpx.Problem{Type: typeOf(d.Message), Loc: loc, Msg: d.Message}
	if _, whole := d.Value.(map[string]any); !whole { // an object may hold a password
		problem.Input = d.Value
	}
	return problem
}

// missingField reads the name out of "expected required property name to be
// present": the validator reports the object, the contract wants the field.
func missingField(message string) (string, bool) {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	rest, ok := strings.CutPrefix(message, before)
	return strings.TrimSuffix(rest, after), ok
}

// typeOf translates the validator's messages, known by their fixed beginning,
// into the machine-readable type of contract 1.
func typeOf(message string) string {
	for _, known := range [...]struct{ message, kind string }{
		{validation.MsgExpectedMinLength, "string_too_short"},
		{validation.MsgExpectedMaxLength, "string_too_long"},
		{validation.MsgExpectedMatchPattern, "string_pattern_mismatch"},
		{validation.MsgExpectedOneOf, "enum"},
		{validation.MsgExpectedMaxItems, "too_long"},
		{validation.MsgExpectedRFC3339DateTime, "datetime_parsing"},
		{validation.MsgExpectedBoolean, "bool_type"},
		{validation.MsgExpectedString, "string_type"},
		{validation.MsgExpectedArray, "list_type"},
	} {
		fixed, _, _ := strings.Cut(known.message, "%")
		if strings.HasPrefix(message, fixed) {
			return known.kind
		}
	}
	return "value_error"
}

// unstorable finds texts with a NUL character, which JSON can spell and
// PostgreSQL cannot keep.
func unstorable(value any, loc []string) []httpx.Problem {
	switch v := value.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			return []httpx.Problem{httpx.BadValue(nil, "NUL characters are not allowed", loc...)}
		}
	case map[string]any:
		for name, member := range v {
			if problems := unstorable(member, append(loc[:len(loc):len(loc)], name)); problems != nil {
				return problems
			}
		}
	case []any:
		for _, item := range v {
			if problems := unstorable(item, loc); problems != nil {
				return problems
			}
		}
	}
	return nil
}
