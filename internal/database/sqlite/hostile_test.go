package sqlite_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	guard "github.com/mcp-gateway/mcp-gateway/internal/sqlguard/sqlite"
)

// hostile makes the test binary a worker that a damaged file has taken over.
const hostile = "hostile-worker"

// answers are what hostile workers say to a statement.
func answers() map[string]func(io.Writer) {
	say := func(parts ...any) func(io.Writer) {
		return func(out io.Writer) {
			var b []byte
			for _, p := range parts {
				switch p := p.(type) {
				case protocol.Tag:
					b = append(b, byte(p))
				case protocol.Class:
					b = append(b, byte(p))
				case int:
					b = binary.AppendUvarint(b, uint64(p))
				case string:
					b = append(b, p...)
				}
			}
			_, _ = out.Write(b)
		}
	}
	forever := func(begin func(io.Writer), again string) func(io.Writer) {
		return func(out io.Writer) {
			begin(out)
			for piece := []byte(again); ; {
				if _, err := out.Write(piece); err != nil {
					return
				}
			}
		}
	}
	const huge = 1 << 40
	columns := say(protocol.Columns, 1, 1, "a", 0, protocol.Null)
	with := func(parts ...any) func(io.Writer) {
		return func(out io.Writer) { columns(out); say(parts...)(out) }
	}
	row := string([]byte{byte(protocol.Row), byte(protocol.Integer), 2})
	return map[string]func(io.Writer){
		"nothing":          func(io.Writer) {},
		"noise":            say("PASS\nok"),
		"noise forever":    forever(say(), "noise"),
		"huge columns":     say(protocol.Columns, huge),
		"huge name":        say(protocol.Columns, 1, huge),
		"many long names":  forever(say(protocol.Columns, 2_000), string(binary.AppendUvarint(nil, 1_000))+string(bytes.Repeat([]byte("n"), 1_000))),
		"huge text":        with(protocol.Row, protocol.Text, huge),
		"text never comes": with(protocol.Row, protocol.Text, 20<<20, "abc"),
		"unknown class":    with(protocol.Row, protocol.Class(9)),
		"rows forever":     forever(columns, row),
		"no columns":       forever(say(protocol.Columns, 0), string(protocol.Row)),
		"rows at once":     say(protocol.Row, protocol.Integer, 2),
		"done at once":     say(protocol.Done),
		"columns twice":    with(protocol.Columns, 1, 1, "a", 0, protocol.Null),
		"huge error":       say(protocol.Failed, 1, huge),
		"huge code":        say(protocol.Failed, huge, 0),
		"endless number":   forever(say(protocol.Columns), "\xff"),
	}
}

// actHostile opens every file and answers every statement alike.
func actHostile(name string) {
	for {
		r, err := protocol.ReadRequest(os.Stdin)
		if err != nil {
			return
		}
		if r.Op == protocol.Open {
			_, _ = os.Stdout.Write([]byte{protocol.Version, byte(protocol.Done)})
			continue
		}
		if name == "deaf" {
			columns, text := []byte{byte(protocol.Columns), 1, 1, 'a', 0, byte(protocol.Text)}, bytes.Repeat([]byte("x"), 100)
			row := append([]byte{byte(protocol.Row), byte(protocol.Text), 100}, text...)
			_, _ = os.Stdout.Write(append(append(columns, row...), byte(protocol.Done)))
			continue
		}
		answers()[name](os.Stdout)
		if name == "nothing" {
			os.Exit(3)
		}
	}
}

// TestHostileWorkers gets answers that are none. Each costs its call a fault
// or its rows, and nothing else.
func TestHostileWorkers(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)")
	for name := range answers() {
		d := sqlite.New(guard.New(), sqlite.Command{Path: os.Args[0], Args: []string{hostile, name}})
		conn := mustOpenWith(t, d, path, database.Env{SQLiteDirs: []string{dir}})
		stmt := &sqlguard.Statement{SQL: "SELECT a FROM t"}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		table, err := conn.Query(ctx, stmt, database.Limit{Rows: 10, Timeout: 300 * time.Millisecond})
		if err == nil {
			t.Errorf("%s: a table of %d rows", name, table.Len())
		} else if f := fault.Of(err); f.Kind == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
		_, err = conn.Relations(ctx, stmt)
		if err == nil {
			t.Errorf("%s: relations", name)
		}
		if _, err := conn.Schema(ctx); err == nil {
			t.Errorf("%s: a schema", name)
		}
		mustDo(t, conn.Close())
	}
}

// TestDeafWorker has a worker answer well and never read what it has to stop.
// When the pipe is full of that, its next call ends with the worker.
func TestDeafWorker(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)")
	d := sqlite.New(guard.New(), sqlite.Command{Path: os.Args[0], Args: []string{hostile, "deaf"}})
	conn := mustOpenWith(t, d, path, database.Env{SQLiteDirs: []string{dir}})
	const pipe = 64 << 10 // bytes that Linux keeps; a request to stop takes 8
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	over := make(chan error, 1)
	go func() {
		for range pipe/8 + 10 {
			// Each result is cut at its bytes, which stops the statement.
			_, err := conn.Query(ctx, &sqlguard.Statement{SQL: "SELECT a FROM t"}, database.Limit{Rows: 10, Bytes: 20, Timeout: time.Minute})
			if err != nil {
				over <- err
				return
			}
		}
		over <- nil
	}()
	select {
	case err := <-over:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Fatal("a call hangs")
	}
	mustDo(t, conn.Close())
}

// TestProgramWithoutAWorker starts a program that does not know the worker's
// argument, and one that is not there.
func TestProgramWithoutAWorker(t *testing.T) {
	dir := t.TempDir()
	path := mustCreate(t, dir+"/a.db", "CREATE TABLE t (a)")
	for _, program := range []string{"/bin/echo", "/bin/false", "/does/not/exist"} {
		conn := mustOpenWith(t, sqlite.New(guard.New(), sqlite.Command{Path: program}), path, database.Env{SQLiteDirs: []string{dir}})
		if _, err := conn.Probe(t.Context()); err == nil || fault.Of(err).Kind == fault.Internal {
			t.Errorf("%s: %v", program, err)
		}
	}
}
