package mssql_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

func port(addr string) uint16 {
	_, p, _ := net.SplitHostPort(addr)
	n, _ := strconv.ParseUint(p, 10, 16)
	return uint16(n)
}

// hostile answers every query with what no server should send.
type hostile struct {
	name   string
	answer func(ctx context.Context, r *tdstest.Reply) error
	rows   int        // of the result that is still good
	cut    tool.Cut   // of the result
	kind   fault.Kind // of the error, when there is no result
}

var nv = []tdstest.Column{{Name: "v", Type: tdstest.NVarChar(0)}}

// forever sends until the connection breaks, deaf to any attention.
func forever(r *tdstest.Reply, b []byte) error {
	for {
		if err := r.Raw(b); err != nil {
			return err
		}
	}
}

func hostiles() []hostile {
	row := append([]byte{0xD1}, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 'a', 0, 'b', 0, 0, 0, 0, 0)
	info := []byte{0xAB, 14, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0}
	return []hostile{
		{"endless rows", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Columns(nv...)
			return forever(r, row)
		}, 10, tool.RowLimit, 0},
		{"an endless value", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Columns(nv...)
			_ = r.Raw(row)
			_ = r.Raw([]byte{0xD1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
			return forever(r, append([]byte{0, 4, 0, 0}, make([]byte, 1024)...))
		}, 1, tool.ByteCut, 0},
		{"endless notices", func(_ context.Context, r *tdstest.Reply) error { return forever(r, info) }, 0, "", fault.Invalid},
		{"a value of half a gigabyte that never comes", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Columns(nv...)
			_ = r.Raw(binary.LittleEndian.AppendUint64([]byte{0xD1}, 1<<29))
			_ = r.Flush()
			return context.Canceled
		}, 0, tool.ByteCut, 0},
		{"a value longer than any", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Columns(nv...)
			return r.Raw(binary.LittleEndian.AppendUint64([]byte{0xD1}, 1<<40))
		}, 0, tool.ByteCut, 0},
		{"an error longer than its parts", func(_ context.Context, r *tdstest.Reply) error {
			return r.Raw(append([]byte{0xAA, 20, 0, 1, 0, 0, 0, 1, 16, 0, 0, 0, 0, 1, 0, 0, 0}, make([]byte, 6)...))
		}, 0, "", fault.Unavailable},
		{"a variant shorter than its type", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Columns(tdstest.Column{Name: "v", Type: tdstest.Variant()})
			return r.Row(tdstest.Inner{Base: 0x7F, Data: []byte{1}})
		}, 0, "", fault.Unavailable},
		{"an old text of two gigabytes", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Columns(tdstest.Column{Name: "v", Type: tdstest.Text()})
			_ = r.Row("first")
			head := append([]byte{0xD1, 16}, make([]byte, 24)...)
			return r.Raw(binary.LittleEndian.AppendUint32(head, 0x7FFFFFFF))
		}, 1, tool.ByteCut, 0},
		{"more after the end", func(_ context.Context, r *tdstest.Reply) error {
			_ = r.Raw(append([]byte{0xFD, 0, 0, 0, 0}, make([]byte, 8)...))
			return r.Raw([]byte{0xD1})
		}, 0, "", fault.Unavailable},
		{"an unknown token", func(_ context.Context, r *tdstest.Reply) error { return r.Raw(bytes.Repeat([]byte{0x42}, 100)) }, 0, "", fault.Unavailable},
		{"a row before its columns", func(_ context.Context, r *tdstest.Reply) error { return r.Raw(row) }, 0, "", fault.Unavailable},
		{"a column of an unknown type", func(_ context.Context, r *tdstest.Reply) error {
			return r.Raw([]byte{0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xF9, 1, 'x', 0})
		}, 0, "", fault.Unavailable},
		{"columns without end", func(_ context.Context, r *tdstest.Reply) error { return r.Raw([]byte{0x81, 0xFE, 0xFF, 0, 0}) }, 0, "", fault.Unavailable},
		{"a packet size beyond the buffers", func(_ context.Context, r *tdstest.Reply) error {
			env := []byte{0xE3, 0, 0, 4, 6, '9', 0, '9', 0, '9', 0, '9', 0, '9', 0, '9', 0, 0}
			env[1] = byte(len(env) - 3)
			return r.Raw(env)
		}, 0, "", fault.Unavailable},
		{"a transaction id of the wrong length", func(_ context.Context, r *tdstest.Reply) error { return r.Raw([]byte{0xE3, 4, 0, 8, 1, 7, 0}) }, 0, "", fault.Unavailable},
	}
}

// TestHostileServer: a clear error or what was good so far, in bounded memory
// and time, nothing left behind, and the next call works.
func TestHostileServer(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) {
			script := &scripted{}
			s := start(t)
			s.server.Backend = script
			conn := open(t, s.owner())
			script.run = func(ctx context.Context, _ tdstest.Request, r *tdstest.Reply) error { return h.answer(ctx, r) }
			table, err := run(t, conn, "SELECT 1", database.Limit{Rows: 10, Bytes: 100_000})
			switch {
			case h.kind != 0:
				if !fault.Is(err, h.kind) {
					t.Errorf("error %v, want kind %d", err, h.kind)
				}
			case err != nil:
				t.Fatalf("error %v, want %d rows", err, h.rows)
			case table.Len() != h.rows || table.Cut() != h.cut:
				t.Errorf("%d rows, cut %q, want %d and %q", table.Len(), table.Cut(), h.rows, h.cut)
			}
			script.run = func(_ context.Context, _ tdstest.Request, r *tdstest.Reply) error {
				_ = r.Columns(nv...)
				return r.Row("fine")
			}
			if got := mustQuery(t, conn, "SELECT 1"); got != `[{"v":"fine"}]` {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// TestHostileCatalogue has the same servers answer the question for objects:
// nothing runs that could not be judged, and the next call works.
func TestHostileCatalogue(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) {
			asked := false
			script := &scripted{all: true}
			s := start(t)
			s.server.Backend = script
			conn := open(t, s.owner())
			script.run = func(ctx context.Context, q tdstest.Request, r *tdstest.Reply) error {
				asked = asked || !strings.Contains(q.SQL, "sys.sql_modules")
				return h.answer(ctx, r)
			}
			if _, err := run(t, conn, "SELECT 1", database.Limit{}); err == nil || asked {
				t.Errorf("error %v, the statement ran: %v", err, asked)
			}
			script.run = func(_ context.Context, q tdstest.Request, r *tdstest.Reply) error {
				if strings.Contains(q.SQL, "sys.sql_modules") {
					return objectsOf(session(databaseName)).send(r)
				}
				_ = r.Columns(nv...)
				return r.Row("fine")
			}
			if got := mustQuery(t, conn, "SELECT 1"); got != `[{"v":"fine"}]` {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// TestHostileGreeting: nothing that answers on the port makes a login hang or
// panic.
func TestHostileGreeting(t *testing.T) {
	for name, tt := range map[string]struct {
		answer []byte
		hang   bool
		want   string
	}{
		"silence":                   {nil, true, database.ErrTimedOut},
		"a closed door":             {nil, false, database.ErrCannotConnect},
		"another protocol":          {[]byte("SSH-2.0-OpenSSH_9.6\r\n"), false, database.ErrCannotConnect},
		"an empty prelogin":         {[]byte{4, 1, 0, 8, 0, 0, 1, 0}, false, database.ErrOther},
		"fields from nowhere":       {[]byte{4, 1, 0, 14, 0, 0, 1, 0, 1, 0xFF, 0xFF, 0, 1, 0xFF}, false, database.ErrOther},
		"a packet too short":        {[]byte{4, 1, 0, 2, 0, 0, 1, 0}, false, database.ErrOther},
		"no encryption at all":      {[]byte{4, 1, 0, 15, 0, 0, 1, 0, 1, 0, 6, 0, 1, 0xFF, 2}, false, database.ErrTLS},
		"encryption of zero length": {[]byte{4, 1, 0, 14, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0xFF}, false, database.ErrOther},
		"TLS that is none":          {[]byte{4, 1, 0, 15, 0, 0, 1, 0, 1, 0, 6, 0, 1, 0xFF, 1, 4, 1, 0, 10, 0, 0, 1, 0, 'n', 'o'}, false, database.ErrTLS},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			addr := answering(t, tt.answer, tt.hang)
			conn := open(t, "sqlserver://u:p@"+addr+"/db?TrustServerCertificate=true&connection+timeout=1")
			if _, err := conn.Probe(testContext(t)); fault.Of(err).Public != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// answering listens and gives everybody the same bytes.
func answering(t *testing.T, answer []byte, hang bool) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write(answer)
			if hang {
				_, _ = c.Read(make([]byte, 4096)) // until the client gives up
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}
