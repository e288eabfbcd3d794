package sql

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync/atomic"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// statementDetail records the statement as it was sent: its hash, and all of
// it where the operator wants that.
func (s *source) statementDetail(text string) map[string]any {
	sum := sha256.Sum256([]byte(text))
	detail := map[string]any{
		"connection_id": s.connection.ID,
		"sql_hash":      hex.EncodeToString(sum[:]),
	}
	if s.provider.Record == recordFull {
		detail["sql_full"], detail["sql_kept"] = audit.Kept(text), true
	}
	return detail
}

// preview records the beginning of the text that runs, or of one that was
// refused. Comments are not in it: they would leave no room for the rest.
func (s *source) preview(detail map[string]any, text string) {
	if s.provider.Record != recordHash {
		detail["sql_preview"] = runes.First(text, recordedChars)
	}
}

// withoutLeadingComments returns a text from its first word on. It is for
// statements that were refused, of which there is no text without comments.
func withoutLeadingComments(text, engine string) string {
	nested := engine == "postgres" || engine == "mssql"
	for {
		text = strings.TrimLeft(text, " \t\r\n\f\v\ufeff\u00a0;")
		end := 0
		switch {
		case strings.HasPrefix(text, "--"), strings.HasPrefix(text, "#") && engine == "mysql":
			end = strings.IndexByte(text, '\n')
		case strings.HasPrefix(text, "/*"):
			end = commentEnd(text, nested)
		default:
			return text
		}
		if end < 0 {
			return text // the rest is one comment, which is then all there is to show
		}
		text = text[end:]
	}
}

// commentEnd returns where the block comment that text begins with ends, -1
// when it does not. In some engines comments nest.
func commentEnd(text string, nested bool) int {
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch pair := text[i : i+2]; {
		case pair == "/*" && (nested || depth == 0):
			depth, i = depth+1, i+1
		case pair == "*/":
			if depth, i = depth-1, i+1; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// readRelations are the relations that a statement reads, null in the record
// until the engine has told them. The call may be given up while its tool
// still asks, hence the lock-free form.
type readRelations struct{ names atomic.Pointer[[]string] }

// MarshalJSON implements [json.Marshaler].
func (r *readRelations) MarshalJSON() ([]byte, error) { return json.Marshal(r.list()) }

func (r *readRelations) list() []string {
	if names := r.names.Load(); names != nil {
		return *names
	}
	return nil
}

// recordedColumns is how many names of a result's columns a record holds.
const recordedColumns = 50

func tableDetail(t *tool.Table, read *readRelations) map[string]any {
	detail := map[string]any{
		"row_count": t.Len(), "truncated": t.Cut() != tool.NotCut, "relations": read.list(), "columns": columnNames(t.Columns()),
	}
	if t.Cut() != tool.NotCut {
		detail["truncation_reason"] = string(t.Cut())
	}
	return detail
}

// columnNames returns the first names, each cut as other arguments are: a
// statement chooses them.
func columnNames(columns []tool.Column) []string {
	names := make([]string, 0, min(len(columns), recordedColumns))
	for _, c := range columns[:cap(names)] {
		names = append(names, runes.First(c.Name, recordedChars))
	}
	return names
}
