package mcp_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

var update = flag.Bool("update", false, "rewrite the responses in testdata/*.txtar")

// modernMeta is what $META in a request stands for.
const modernMeta = `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
	`"io.modelcontextprotocol/clientInfo":{"name":"probe","version":"9"}}`

// TestTranscripts replays the requests in testdata and compares the responses.
// A file is a txtar archive of pairs "<name>.request" and "<name>.response".
// A request is a request line, header lines, an empty line and the body; the
// headers of the archive's comment go with every request of the file.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, []tool.Provider{basicTools()})
	var out []txtar.File
	for i, f := range archive.Files {
		name, isRequest := strings.CutSuffix(f.Name, ".request")
		if !isRequest {
			continue
		}
		got := exchangeOnce(t, g, archive.Comment, f.Data)
		out = append(out, f, txtar.File{Name: name + ".response", Data: got})
		if *update {
			continue
		}
		if i+1 == len(archive.Files) || archive.Files[i+1].Name != name+".response" {
			t.Fatalf("%s has no response; run with -update", f.Name)
		}
		if diff := cmp.Diff(string(archive.Files[i+1].Data), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if *update {
		archive.Files = out
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func exchangeOnce(t *testing.T, g *gateway, common, raw []byte) []byte {
	t.Helper()
	r := readRequest(t, g.URL, common, raw)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, res.StatusCode)
	for _, name := range []string{
		"Allow", "Cache-Control", "Content-Type", "Deprecation", "Sunset", "Www-Authenticate", "X-Accel-Buffering",
	} {
		if v := res.Header.Get(name); v != "" {
			fmt.Fprintf(&out, "%s: %s\n", name, v)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&out, "\n%s\n", bytes.TrimRight(body, "\n"))
	}
	return out.Bytes()
}

// readRequest reads what a transcript holds. A header of the request replaces
// one of the file's; an empty one removes it.
func readRequest(t *testing.T, base string, common, raw []byte) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(string(raw), "\n\n")
	body = strings.ReplaceAll(body, "$META", modernMeta)
	lines := bufio.NewScanner(strings.NewReader(head))
	lines.Scan()
	method, path, _ := strings.Cut(lines.Text(), " ")
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(strings.TrimSuffix(body, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	setHeaders(r, bufio.NewScanner(bytes.NewReader(common)))
	setHeaders(r, lines)
	return r
}

func setHeaders(r *http.Request, lines *bufio.Scanner) {
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); {
		case !ok || strings.HasPrefix(name, "#"):
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
}
