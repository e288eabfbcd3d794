package sql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// rejected begins what a caller reads of a verdict (contract 6.4).
const rejected = "SQL rejected: "

// recordedChars is how much of an argument an audit record holds (contract 10).
const recordedChars = 200

func (s *source) executeTool() tool.Tool {
	t := s.base(tool.KindExecute)
	schemaName, name := ToolNames(s.connection.Name, s.connection.ID)
	t.Name = name
	t.Title = "Query " + s.connection.Name
	t.Description = s.executeDescription(schemaName)
	t.Schema = json.RawMessage(executeInput)
	t.Output = json.RawMessage(executeOutput)
	t.MinRole = max(s.connection.MinRole, identity.Analyst)
	t.Event = "tool.execute_sql"
	t.Denied = "Permission denied: insufficient role to execute queries"
	t.Prepare = s.prepareExecute
	return t
}

type executeArgs struct {
	SQL   string `json:"sql"`
	Limit int    `json:"limit"`
}

// prepareExecute lets the engine's guard judge the statement. Nothing is
// opened for a statement that it refuses.
func (s *source) prepareExecute(_ context.Context, env tool.Env, raw json.RawMessage) (tool.Action, error) {
	var args executeArgs
	if err := json.Unmarshal(raw, &args); err != nil {
		return tool.Action{}, fmt.Errorf("decode arguments: %w", err)
	}
	action := tool.Action{Detail: s.statementDetail(args.SQL)}
	stmt, err := s.guard.Check(args.SQL)
	if fault.Is(err, fault.Invalid) {
		return action, fault.Wrap(fault.Invalid, err, rejected+fault.Of(err).Public)
	}
	if err != nil {
		return action, fmt.Errorf("SQL guard: %w", err)
	}
	limit := database.Limit{Rows: args.Limit}.OrDefault()
	action.Run = func(ctx context.Context) (*tool.Result, error) {
		if env.Room != nil {
			limit.Room = func(bytes int) error { return env.Room(ctx, bytes) }
		}
		return s.execute(ctx, env.Principal, stmt, limit)
	}
	return action, nil
}

func (s *source) statementDetail(text string) map[string]any {
	sum := sha256.Sum256([]byte(text))
	return map[string]any{
		"connection_id": s.connection.ID,
		"sql_preview":   firstChars(text, recordedChars),
		"sql_hash":      hex.EncodeToString(sum[:]),
	}
}

func (s *source) execute(ctx context.Context, p identity.Principal, stmt *sqlguard.Statement, limit database.Limit) (*tool.Result, error) {
	table, relations, err := s.query(ctx, p, stmt, limit)
	if fault.Is(err, fault.Timeout) {
		text := fmt.Sprintf("query timed out after %d s", int(limit.Timeout.Seconds()))
		if errors.Is(err, database.ErrStillWorking) {
			text += "; " + database.ErrStillWorking.Error()
		}
		return nil, fault.Wrap(fault.Timeout, err, text)
	}
	if judged := new(database.StatementError); fault.Is(err, fault.Invalid) && !errors.As(err, &judged) {
		// The guard's, which for this database knew more than before.
		return nil, fault.Wrap(fault.Unprocessable, err, rejected+fault.Of(err).Public)
	}
	if err != nil {
		return nil, callerFault(err)
	}
	return &tool.Result{Table: table, Detail: tableDetail(table, relations)}, nil
}

// query runs stmt and also returns the relations that it read.
func (s *source) query(ctx context.Context, p identity.Principal, stmt *sqlguard.Statement, limit database.Limit) (table *tool.Table, relations []string, err error) {
	conn, err := s.open(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	if relations, err = conn.Relations(ctx, stmt); err != nil {
		return nil, nil, err
	}
	table, err = conn.Query(ctx, stmt, limit)
	return table, relations, err
}

func tableDetail(t *tool.Table, relations []string) map[string]any {
	detail := map[string]any{"row_count": t.Len(), "truncated": t.Cut() != tool.NotCut, "relations": relations}
	if t.Cut() != tool.NotCut {
		detail["truncation_reason"] = string(t.Cut())
	}
	return detail
}

// firstChars returns the first n characters of s.
func firstChars(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
