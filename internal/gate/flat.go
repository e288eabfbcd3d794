package gate

import (
	"math"
	"reflect"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// flat is the schema of an object of texts, numbers and flags, as most tools
// have one. It takes what is surely valid at a fraction of the validator's
// cost, and leaves every other verdict and its words to the validator.
type flat struct {
	members  map[string]*jsonschema.Schema
	required []string
}

// flatten returns nil for a schema with a keyword that flat does not know.
func flatten(s *jsonschema.Schema) *flat {
	known := &jsonschema.Schema{
		Type: "object", Title: s.Title, Description: s.Description, Properties: s.Properties, PropertyOrder: s.PropertyOrder,
		Required: s.Required, AdditionalProperties: s.AdditionalProperties,
	}
	if !reflect.DeepEqual(s, known) {
		return nil
	}
	for _, member := range s.Properties {
		if !isScalar(member) {
			return nil
		}
	}
	return &flat{members: s.Properties, required: s.Required}
}

func isScalar(s *jsonschema.Schema) bool {
	known := &jsonschema.Schema{
		Type: s.Type, Title: s.Title, Description: s.Description, Default: s.Default,
		Minimum: s.Minimum, Maximum: s.Maximum, MinLength: s.MinLength, MaxLength: s.MaxLength,
	}
	switch s.Type {
	case "string", "number", "integer", "boolean":
		return reflect.DeepEqual(s, known)
	default:
		return false
	}
}

// accepts reports whether decoded arguments are surely valid.
func (f *flat) accepts(args any) bool {
	object, ok := args.(map[string]any)
	if f == nil || !ok {
		return false
	}
	for name, value := range object {
		if member := f.members[name]; member == nil || !fits(member, value) {
			return false
		}
	}
	for _, name := range f.required {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	return true
}

func fits(s *jsonschema.Schema, value any) bool {
	switch v := value.(type) {
	case string:
		return s.Type == "string" && within(utf8.RuneCountInString(v), s.MinLength, s.MaxLength)
	case float64:
		return (s.Type == "number" || s.Type == "integer" && v == math.Trunc(v)) && within(v, s.Minimum, s.Maximum)
	case bool:
		return s.Type == "boolean"
	default:
		return false
	}
}

func within[N int | float64](n N, least, most *N) bool {
	return (least == nil || n >= *least) && (most == nil || n <= *most)
}
