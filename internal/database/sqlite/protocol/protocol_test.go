package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

func TestRequests(t *testing.T) {
	var stream []byte
	want := []*protocol.Request{
		{Op: protocol.Open, Flags: protocol.Immutable, Number: 1, Text: "/a/b.db"},
		{Op: protocol.Run, Number: math.MaxUint64, Rows: math.MaxInt32, Relations: math.MaxUint64, Text: "SELECT 'ä'"},
		{Op: protocol.Relations, Number: 3},
	}
	for _, r := range want {
		stream = r.Append(stream)
	}
	in := bytes.NewReader(stream)
	for _, r := range want {
		got, err := protocol.ReadRequest(in)
		if diff := cmp.Diff(r, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	if _, err := protocol.ReadRequest(in); err != io.EOF {
		t.Errorf("the end: %v", err)
	}
	if _, err := protocol.ReadRequest(strings.NewReader("\xff\xff\xff\xffx")); err == nil || err == io.EOF {
		t.Errorf("four gigabytes: %v", err)
	}
}

// TestAnswers sends every kind of part and value, short and longer than every
// buffer, and leaves some of them unread.
func TestAnswers(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 300_000)
	values := []protocol.Value{
		{Class: protocol.Null}, {Class: protocol.Integer, Int: math.MinInt64}, {Class: protocol.Integer, Int: math.MaxInt64},
		{Class: protocol.Real, Real: -0.5}, {Class: protocol.Real, Real: math.Inf(1)},
		{Class: protocol.Text, Bytes: []byte{}}, {Class: protocol.Blob, Bytes: []byte{0, 255}}, {Class: protocol.Text, Bytes: long},
	}
	columns := []protocol.Column{{Name: "a", Declared: "TEXT", First: protocol.Null}, {First: protocol.Blob}}
	var stream bytes.Buffer
	w := protocol.NewWriter(&stream)
	w.Opened()
	w.Tag(protocol.Done)
	w.Columns(columns)
	for range 2 {
		w.Tag(protocol.Row)
		for _, v := range values {
			write(w, v)
		}
	}
	w.List([]string{"a", "b"}, 7)
	w.Failure(&protocol.Error{Code: 517, Text: strings.Repeat("e", 1<<20)})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}

	r := protocol.NewReader(&stream)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	next := func(want protocol.Tag) {
		t.Helper()
		if tag, err := r.Next(); tag != want || err != nil {
			t.Fatalf("got %q, %v, want %q", tag, err, want)
		}
	}
	check(r.Opened())
	next(protocol.Done)
	next(protocol.Columns)
	got, err := r.Columns()
	check(err)
	if diff := cmp.Diff(columns, got); diff != "" {
		t.Error(diff)
	}
	next(protocol.Row)
	r.BeginRow(len(values))
	for _, want := range values {
		v, err := r.Value()
		check(err)
		if v.Class != want.Class || v.Int != want.Int || v.Real != want.Real || !bytes.Equal(v.Bytes, want.Bytes) {
			t.Errorf("class %d came as class %d", want.Class, v.Class)
		}
	}
	next(protocol.Row)
	r.BeginRow(len(values))
	if _, err := r.Next(); err == nil {
		t.Error("a part begins inside a row")
	}
	check(r.Skip())
	next(protocol.List)
	names, identity, err := r.List()
	check(err)
	if len(names) != 2 || identity != 7 {
		t.Errorf("%v, %d", names, identity)
	}
	var failure *protocol.Error
	if _, err := r.Next(); !errors.As(err, &failure) || failure.Primary() != 5 || len(failure.Text) != 16<<10 {
		t.Errorf("a failure: %v", failure)
	}
}

func write(w *protocol.Writer, v protocol.Value) {
	switch v.Class {
	case protocol.Integer:
		w.Integer(v.Int)
	case protocol.Real:
		w.Real(v.Real)
	case protocol.Null:
		w.Null()
	default:
		w.Bytes(v.Class, v.Bytes)
	}
}

// TestNoise reads random answers: it ends with an error, without a panic.
func TestNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		noise := make([]byte, random.IntN(60))
		for i := range noise {
			noise[i] = byte(random.IntN(256))
			if random.IntN(2) == 0 {
				noise[i] = "crldmf\x01\x02\x03\x04\x05\x00"[random.IntN(12)]
			}
		}
		r := protocol.NewReader(bytes.NewReader(noise))
		for err := error(nil); err == nil; {
			err = readPart(r)
		}
	}
}

func readPart(r *protocol.Reader) error {
	tag, err := r.Next()
	if err != nil {
		return err
	}
	switch tag {
	case protocol.Columns:
		_, err = r.Columns()
	case protocol.List:
		_, _, err = r.List()
	case protocol.Row:
		r.BeginRow(2)
		err = r.Skip()
	}
	return err
}
