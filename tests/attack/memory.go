package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
)

// The bounds that a gateway must keep to. They are several times what it
// takes today, because the kernel counts memory that is about to be freed.
const (
	growthPerByte = 3         // of a request's body
	growthAllowed = 100 << 20 // beside that: results, buffers, garbage
	growthFatal   = 1500 << 20
)

// body is a request that is made large by one shape.
type body struct{ name, open, unit, close string }

// bodies are JSON-RPC messages of tools/call in many shapes. Each is repeated
// up to the size that is asked for.
func bodies() []body {
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_current_time","arguments":`
	const meta = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"}`
	const end = meta + `}}}`
	return []body{
		{"empty objects", call + `{"a":[{}`, `,{}`, `]}` + end},
		{"empty arrays", call + `{"a":[[]`, `,[]`, `]}` + end},
		{"numbers", call + `{"a":[1`, `,1`, `]}` + end},
		{"nulls", call + `{"a":[null`, `,null`, `]}` + end},
		{"empty texts", call + `{"a":[""`, `,""`, `]}` + end},
		{"one long text", call + `{"a":"`, `x`, `"}` + end},
		{"escapes", call + `{"a":"`, `\u00e9`, `"}` + end},
		{"one long number", call + `{"a":1`, `0`, `}` + end},
		{"deep arrays", call + `{"a":`, `[`, `}` + end},
		{"deep objects", call + `{"a":`, `{"b":`, `}` + end},
		{"pairs of arrays", call + `{"a":[[1]`, `,[[[]]]`, `]}` + end},
		{"_meta of objects", call + `{}` + meta + `,"x":[{}`, `,{}`, `]}}}`},
		{"params of objects", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":[{}`, `,{}`, `]` + meta + `}}}`},
		{"a long id", `{"jsonrpc":"2.0","id":"`, `x`, `","method":"ping"}`},
		{"a batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}`, `,{"jsonrpc":"2.0","id":1,"method":"ping"}`, `]`},
		{"unknown members", `{"jsonrpc":"2.0","id":1,"method":"ping","x":[{}`, `,{}`, `]}`},
	}
}

// of returns the message of about n bytes.
func (b body) of(n int) []byte {
	var buf bytes.Buffer
	buf.WriteString(b.open)
	buf.WriteString(strings.Repeat(b.unit, max(1, (n-len(b.open)-len(b.close))/len(b.unit))))
	buf.WriteString(b.close)
	return buf.Bytes()
}

const (
	largeBody  = 15 << 20 // below the limit of contract 1
	toolCalled = "get_current_time"
)

func memoryByArguments(context.Context, *rig) ([]attempt, error) {
	var all []attempt
	for _, b := range bodies() {
		all = append(all, attempt{name: b.name + ", 15 MB, one call", run: func(ctx context.Context, r *rig) (string, bool) {
			return r.flood(ctx, r.viewer, "/t/"+slug+"/mcp", b.of(largeBody), toolCalled, 1)
		}})
	}
	for _, b := range bodies()[:2] {
		for _, calls := range []int{6, 12} {
			all = append(all, attempt{name: fmt.Sprintf("%s, 15 MB, %d calls at once", b.name, calls), run: func(ctx context.Context, r *rig) (string, bool) {
				return r.flood(ctx, r.viewer, "/t/"+slug+"/mcp", b.of(largeBody), toolCalled, calls)
			}})
		}
	}
	objects := body{"", `{"x":[{}`, `,{}`, `]}`}
	for _, path := range []string{"/api/v1/auth/login", "/api/v1/tenants", "/api/v1/connections", "/t/" + slug + "/oauth/register"} {
		all = append(all, attempt{name: "empty objects, 1 MB, 6 at once to " + path, run: func(ctx context.Context, r *rig) (string, bool) {
			return r.flood(ctx, r.admin, path, objects.of(1<<20-1024), "", 6)
		}})
	}
	return all, nil
}

// flood sends a body, which may call a tool, several times at once and reports
// how much the gateway grew meanwhile.
func (r *rig) flood(ctx context.Context, as *client.Client, path string, content []byte, tool string, calls int) (string, bool) {
	return r.watchMemory(ctx, int64(growthPerByte*len(content)*calls+growthAllowed), func(ctx context.Context) string {
		statuses := make([]string, calls)
		var all sync.WaitGroup
		for i := range calls {
			all.Go(func() { statuses[i] = post(ctx, as, path, content, tool) })
		}
		all.Wait()
		return strings.Join(statuses, " ")
	})
}

// post sends a JSON body and returns the status.
func post(ctx context.Context, as *client.Client, path string, content []byte, tool string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, as.Base+path, bytes.NewReader(content))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+as.Credential)
	if tool != "" {
		req.Header.Set("MCP-Protocol-Version", "2026-07-28")
		req.Header.Set("Mcp-Method", "tools/call")
		req.Header.Set("Mcp-Name", tool)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	return resp.Status[:3]
}

// watchMemory runs do and reports whether the gateway's memory stayed within
// the allowed growth. A gateway that grows beyond all measure is stopped.
func (r *rig) watchMemory(ctx context.Context, allowed int64, do func(context.Context) string) (string, bool) {
	before, err := r.gateway.Memory("VmRSS")
	if err != nil {
		return err.Error(), false
	}
	if err := r.gateway.ResetPeak(); err != nil {
		return err.Error(), false
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go r.stopWhenGrown(ctx, before+growthFatal)
	answer := do(ctx)
	peak, err := r.gateway.Memory("VmHWM")
	if err != nil {
		return answer + "; " + err.Error(), false
	}
	now, err := r.gateway.Memory("VmRSS")
	if err != nil {
		return answer + "; " + err.Error(), false
	}
	return fmt.Sprintf("%s; MB before %d, peak %d, after %d", answer, before>>20, peak>>20, now>>20), peak-before <= allowed
}

// stopWhenGrown kills a gateway that takes the machine's memory.
func (r *rig) stopWhenGrown(ctx context.Context, limit int64) {
	for ctx.Err() == nil {
		if now, err := r.gateway.Memory("VmRSS"); err != nil || now > limit {
			r.gateway.Kill()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// hungryStatements take memory or temporary disk on SQLite.
func hungryStatements() []string {
	columns := make([]string, 6)
	for i := range columns {
		columns[i] = fmt.Sprintf("length(json_group_array(v||i||'%d'))", i)
	}
	return []string{
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9000), x(v) AS MATERIALIZED (SELECT replace(printf('%999d',0),' ',printf('%99d',0))) SELECT ` + strings.Join(columns, ", ") + ` FROM n, x`,
		`SELECT length(json_pretty('` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `', replace(printf('%999d',0),' ',printf('%99d',0))))`,
		`WITH RECURSIVE c(x) AS (SELECT hex(printf('%99d',1)) UNION SELECT x||'a' FROM c) SELECT count(*) FROM c`,
		`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c), v(t) AS (SELECT replace(printf('%999d',0),' ','0123456789')) SELECT count(*) FROM (SELECT DISTINCT x, t FROM c, v)`,
		`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c ORDER BY x DESC`,
		`WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT group_concat(x) FROM c`,
		`WITH RECURSIVE c(x,t) AS (SELECT 1,'x' UNION ALL SELECT x+1,t||t FROM c WHERE x<24) SELECT sum(length(t)) FROM c`,
		`SELECT a.x, b.x FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 1000000) SELECT x FROM c) a, (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 1000000) SELECT x FROM c) b ORDER BY a.x+b.x`,
	}
}

// The memory that a statement on SQLite may cost the gateway itself, and the
// disk that it may fill.
const (
	sqliteGrowth = 64 << 20
	sqliteDisk   = 1 << 30
)

func memoryBySQLite(ctx context.Context, r *rig) ([]attempt, error) {
	path, err := r.sqliteFile(ctx, "hungry.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'one')")
	if err != nil {
		return nil, err
	}
	tool, _, err := r.connection(ctx, "hungry", "sqlite", "sqlite:///"+path, false)
	if err != nil {
		return nil, err
	}
	var all []attempt
	for _, statement := range hungryStatements() {
		all = append(all, attempt{name: statement, run: func(ctx context.Context, r *rig) (string, bool) {
			return r.hungry(ctx, tool, []string{statement})
		}})
	}
	return append(all, attempt{name: "four of them at once", run: func(ctx context.Context, r *rig) (string, bool) {
		return r.hungry(ctx, tool, hungryStatements()[:4])
	}}), nil
}

// hungry runs statements at once. The gateway's own memory must stay as it is,
// and a neighbour must get an answer meanwhile.
func (r *rig) hungry(ctx context.Context, tool string, statements []string) (string, bool) {
	disk, stopDisk := watchDisk(ctx, r.gateway)
	defer stopDisk()
	neighbour := "?"
	answer, held := r.watchMemory(ctx, sqliteGrowth, func(ctx context.Context) string {
		answers := make([]string, len(statements))
		var all sync.WaitGroup
		for i, statement := range statements {
			all.Go(func() { answers[i], _ = r.query(ctx, tool, statement) })
		}
		time.Sleep(time.Second)
		neighbour, _ = r.query(ctx, tool, "SELECT v FROM t WHERE id = 1")
		all.Wait()
		return shorten(strings.Join(answers, " | "), 200)
	})
	answer += fmt.Sprintf("; disk peak %d MB; neighbour: %s", disk()>>20, shorten(neighbour, 60))
	return answer, held && disk() <= sqliteDisk && strings.Contains(neighbour, "one")
}

// damagedSQLite registers files that are no whole databases.
func damagedSQLite(ctx context.Context, r *rig) ([]attempt, error) {
	path, err := r.sqliteFile(ctx, "whole.db", `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE INDEX tv ON t (v);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000) INSERT INTO t SELECT i, printf('%0100d', i) FROM n`)
	if err != nil {
		return nil, err
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []attempt
	for i, damage := range damages(whole) {
		path := filepath.Join(r.files(), fmt.Sprintf("damaged%d.db", i))
		if err := os.WriteFile(path, damage.content, 0o644); err != nil {
			return nil, err
		}
		all = append(all, attempt{name: damage.name, run: func(ctx context.Context, r *rig) (string, bool) {
			return r.readDamaged(ctx, fmt.Sprintf("damaged %d", i), path)
		}})
	}
	return all, nil
}

// readDamaged reads everything of a file. Any answer is good that leaves the
// gateway alive and small.
func (r *rig) readDamaged(ctx context.Context, name, path string) (string, bool) {
	return r.watchMemory(ctx, sqliteGrowth, func(ctx context.Context) string {
		tool, _, err := r.connection(ctx, name, "sqlite", "sqlite:///"+path, false)
		if err != nil {
			return err.Error()
		}
		var answers []string
		for _, statement := range []string{"SELECT * FROM t ORDER BY v", "SELECT count(*), max(v) FROM t", "SELECT * FROM sqlite_master", "SELECT v FROM t WHERE id = 700"} {
			answer, _ := r.query(ctx, tool, statement)
			answers = append(answers, shorten(answer, 60))
		}
		schema := strings.Replace(tool, "execute_sql_", "get_schema_", 1)
		result, err := r.analyst.CallTool(ctx, slug, schema, map[string]any{})
		if err != nil {
			return err.Error()
		}
		return strings.Join(append(answers, shorten(result.Text(), 60)), " | ")
	})
}

type damage struct {
	name    string
	content []byte
}

// damages returns a file in broken forms, always the same ones.
func damages(whole []byte) []damage {
	changed := func(name string, change func([]byte) []byte) damage {
		return damage{name, change(bytes.Clone(whole))}
	}
	set := func(at int, values ...byte) func([]byte) []byte {
		return func(b []byte) []byte {
			copy(b[at:], values)
			return b
		}
	}
	all := []damage{
		changed("cut in the middle", func(b []byte) []byte { return b[:len(b)/2] }),
		changed("header alone", func(b []byte) []byte { return b[:100] }),
		changed("page size 1", set(16, 0, 1)),
		changed("page size 3", set(16, 0, 3)),
		changed("a huge number of pages", set(28, 0x7f, 0xff, 0xff, 0xff)),
		changed("a schema format of the future", set(44, 0, 0, 0, 99)),
		changed("UTF-16 that is UTF-8", set(56, 0, 0, 0, 2)),
		changed("write-ahead log wanted", set(18, 2, 2)),
		changed("no database at all", func(b []byte) []byte { return bytes.Repeat([]byte{0xa5}, len(b)) }),
		changed("every third byte of the pages turned", func(b []byte) []byte {
			for i := 100; i < len(b); i += 3 {
				b[i] ^= 0xff
			}
			return b
		}),
	}
	for page := 1; page <= 3; page++ {
		all = append(all, changed(fmt.Sprintf("cells of page %d point at themselves", page+1), func(b []byte) []byte {
			at := page * 4096
			for i := at + 8; i < at+200 && i < len(b); i++ {
				b[i] = 0xff
			}
			return b
		}))
	}
	return all
}
