package gate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

func mustRule(t testing.TB, schema string) *Rule {
	t.Helper()
	r, err := newRule(tool.Tool{Name: "t", Schema: json.RawMessage(schema)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustDecode(t testing.TB, args string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(args), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

const querySchema = `{"type": "object", "properties": {
	"sql": {"type": "string", "minLength": 2, "maxLength": 5, "description": "one statement"},
	"limit": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
	"ratio": {"type": "number"}, "dry": {"type": "boolean"}
}, "required": ["sql"], "additionalProperties": false}`

// TestFlatAgreesWithTheValidator holds the one rule of flat: what it accepts,
// the validator accepts. What is plainly valid, it accepts.
func TestFlatAgreesWithTheValidator(t *testing.T) {
	rule := mustRule(t, querySchema)
	if rule.flat == nil {
		t.Fatal("the schema is not taken for a flat one")
	}
	for args, want := range map[string]bool{
		`{"sql":"abc"}`: true, `{"sql":"\u00e4\u00f6\u00fc\u00e4\u00f6"}`: true, `{"sql":"abc","limit":10,"ratio":1.5,"dry":false}`: true,
		`{"sql":"abc","limit":10.0,"ratio":1e300}`: true,
		`{}`: false, `{"sql":null}`: false, `{"sql":7}`: false, `{"sql":"a"}`: false, `{"sql":"abcdef"}`: false,
		`{"sql":"abc","limit":0}`: false, `{"sql":"abc","limit":11}`: false, `{"sql":"abc","limit":1.5}`: false, `{"sql":"abc","limit":"1"}`: false,
		`{"sql":"abc","ratio":true}`: false, `{"sql":"abc","dry":0}`: false, `{"sql":"abc","SQL":"abc"}`: false, `{"sql":["abc"]}`: false,
		`[]`: false, `"abc"`: false, `null`: false,
	} {
		value := mustDecode(t, args)
		if got := rule.flat.accepts(value); got != want {
			t.Errorf("%s: accepted %v", args, got)
		}
		if err := rule.schema.Validate(value); (err == nil) != want {
			t.Errorf("%s: validator says %v", args, err)
		}
	}
}

// TestFlatLeavesWhatItDoesNotKnow: a keyword it would overlook makes a schema
// the validator's.
func TestFlatLeavesWhatItDoesNotKnow(t *testing.T) {
	for _, schema := range []string{
		`{"type":"object","properties":{"a":{"type":"string","pattern":"^x"}}}`,
		`{"type":"object","properties":{"a":{"type":"string","enum":["x"]}}}`,
		`{"type":"object","properties":{"a":{"type":"integer","multipleOf":2}}}`,
		`{"type":"object","properties":{"a":{"type":["string","null"]}}}`,
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}}}`,
		`{"type":"object","properties":{"a":{"type":"object"}}}`,
		`{"type":"object","properties":{"a":true}}`,
		`{"type":"object","properties":{"a":false}}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"minProperties":1}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"propertyNames":{"maxLength":3}}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"patternProperties":{"^b":{"type":"string"}}}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"anyOf":[{"required":["a"]}]}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"dependentRequired":{"a":["b"]}}`,
		`{"properties":{"a":{"type":"string"}}}`,
		`true`,
	} {
		if mustRule(t, schema).flat != nil {
			t.Errorf("%s is taken for a flat schema", schema)
		}
	}
	// What may come beside the members is the validator's, too.
	open := mustRule(t, `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"integer"}}`)
	for args, want := range map[string]bool{`{"a":"x"}`: true, `{"a":"x","b":1}`: false} {
		if got := open.flat.accepts(mustDecode(t, args)); got != want {
			t.Errorf("%s: accepted %v", args, got)
		}
	}
}

func FuzzFlat(f *testing.F) {
	rule := mustRule(f, querySchema)
	f.Add(`{"sql":"abc","limit":1}`)
	f.Fuzz(func(t *testing.T, args string) {
		var value any
		if json.Unmarshal([]byte(args), &value) == nil && rule.flat.accepts(value) {
			if err := rule.schema.Validate(value); err != nil {
				t.Errorf("%s: accepted, validator says %v", args, err)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	rule := mustRule(b, strings.Replace(querySchema, `"maxLength": 5`, `"maxLength": 100000`, 1))
	c := &call{rule: rule}
	b.ReportAllocs()
	for b.Loop() {
		c.args = json.RawMessage(`{"sql":"SELECT id, name, email FROM people WHERE id = 4711","limit":5}`)
		if refusal := c.validate(); refusal != nil {
			b.Fatal(refusal)
		}
	}
}
