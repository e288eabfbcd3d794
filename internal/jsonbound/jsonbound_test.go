package jsonbound_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
)

func TestMeasureRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"as deep as allowed":          {strings.Repeat("[", 128) + strings.Repeat("]", 128), nil},
		"deeper":                      {strings.Repeat("[", 129) + strings.Repeat("]", 129), jsonbound.ErrDepth},
		"objects and lists":           {strings.Repeat(`{"a":[`, 65), jsonbound.ErrDepth},
		"never closed":                {strings.Repeat("[", 100_000), jsonbound.ErrDepth},
		"brackets in a text":          {`"` + strings.Repeat("[", 1000) + `"`, nil},
		"brackets after a quote":      {`"\"` + strings.Repeat("[", 1000) + `"`, nil},
		"brackets after a backslash":  {`["\\",` + strings.Repeat("[", 1000), jsonbound.ErrDepth},
		"as many values as allowed":   {"[" + strings.Repeat("1,", 198) + "1]", nil},
		"one more":                    {"[" + strings.Repeat("1,", 199) + "1]", jsonbound.ErrValues},
		"one more, in no list":        {strings.Repeat("1 ", 201), jsonbound.ErrValues},
		"empty objects":               {"[" + strings.Repeat("{},", 200), jsonbound.ErrValues},
		"texts":                       {"[" + strings.Repeat(`"",`, 200) + `""]`, jsonbound.ErrValues},
		"names are no values":         {"{" + strings.Repeat(`"a":1,`, 198) + `"a":1}`, nil},
		"members":                     {"{" + strings.Repeat(`"a":1,`, 199) + `"a":1}`, jsonbound.ErrValues},
		"a number as long as allowed": {strings.Repeat("7", 1000), nil},
		"a longer one":                {"[" + strings.Repeat("7", 1001) + "]", jsonbound.ErrNumber},
		"its exponent":                {"1e" + strings.Repeat("7", 1001), jsonbound.ErrNumber},
		"a long text":                 {`"` + strings.Repeat("7", 100_000) + `"`, nil},
		"nothing":                     {"", nil},
		"a quote":                     {`"`, nil},
		"a quote and an escape":       {`"\`, nil},
		"no JSON":                     {"}]:,\x00\xff", nil},
	} {
		if _, err := jsonbound.Measure([]byte(c.text), 200); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestMeasureCounts compares with what the decoder finds, for random values.
func TestMeasureCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		value := anyValue(random, 4)
		text, err := json.MarshalIndent(value, "", strings.Repeat(" ", random.IntN(3)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := jsonbound.Measure(text, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		want := jsonbound.Size{Bytes: len(text)}
		count(value, &want)
		if got != want {
			t.Fatalf("%s\n%+v, want %+v", text, got, want)
		}
	}
}

func anyValue(r *rand.Rand, depth int) any {
	kind := r.IntN(7)
	if depth == 0 {
		kind = r.IntN(5)
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return r.NormFloat64() * 1e9
	case 3, 4:
		return []string{"", `\`, `"`, `\"`, `[{,:}]`, "a\\\\", "ä\n", `\\"`}[r.IntN(8)]
	case 5:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = anyValue(r, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for range r.IntN(4) {
		object[fmt.Sprintf(`%d":[\`, r.IntN(100))] = anyValue(r, depth-1)
	}
	return object
}

func count(value any, size *jsonbound.Size) {
	size.Values++
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			count(item, size)
		}
	case map[string]any:
		size.Objects++
		size.Names += len(v)
		for _, member := range v {
			count(member, size)
		}
	}
}

// TestDecodedCoversTheDecoder decodes each shape and compares the memory that
// this allocates, with what is garbage in the end, to the estimate.
func TestDecodedCoversTheDecoder(t *testing.T) {
	members := "{"
	for i := range 20_000 {
		members += fmt.Sprintf(`"%d":0,`, i)
	}
	for name, text := range map[string]string{
		"empty objects": "[" + strings.Repeat("{},", 20_000) + "0]",
		"empty lists":   "[" + strings.Repeat("[],", 20_000) + "0]",
		"lists":         "[" + strings.Repeat("[0],", 20_000) + "0]",
		"objects":       "[" + strings.Repeat(`{"":0},`, 20_000) + "0]",
		"two members":   "[" + strings.Repeat(`{"":0,"a":0},`, 20_000) + "0]",
		"nine members":  "[" + strings.Repeat(`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0},`, 20_000) + "0]",
		"texts":         "[" + strings.Repeat(`"a",`, 20_000) + "0]",
		"digits":        "[" + strings.Repeat(`7,`, 20_000) + "0]",
		"members":       members + `"":0}`,
		"a text":        `"` + strings.Repeat("x", 1<<20) + `"`,
		"escapes":       `"` + strings.Repeat(`\u0001`, 1<<17) + `"`,
	} {
		size, err := jsonbound.Measure([]byte(text), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if took := allocated(t, text); took > size.Decoded() {
			t.Errorf("%s: decoding takes %d bytes, the estimate is %d", name, took, size.Decoded())
		}
	}
}

func allocated(t *testing.T, text string) int {
	t.Helper()
	var before, after runtime.MemStats
	raw := []byte(text)
	runtime.ReadMemStats(&before)
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(value)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// FuzzMeasure: whatever the text, the count ends and covers what the decoder
// finds.
func FuzzMeasure(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\"",{}]}`, `"\\`, `[[],{"":null}]`, "\\\"", `1:1`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		size, err := jsonbound.Measure(text, 1<<20)
		var value any
		if err != nil || json.Unmarshal(text, &value) != nil {
			return
		}
		var found jsonbound.Size
		count(value, &found) // of members with one name the decoder keeps one
		if size.Values < found.Values || size.Names < found.Names || size.Objects < found.Objects {
			t.Errorf("%q: %+v, the decoder finds %+v", text, size, found)
		}
	})
}

func BenchmarkMeasure(b *testing.B) {
	text := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_sql","arguments":{"sql":"SELECT * FROM products WHERE id = 17","limit":10},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsonbound.Measure(text, 1000); err != nil {
			b.Fatal(err)
		}
	}
}
