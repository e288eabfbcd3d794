package sql

import (
	"context"
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

// The values of Provider.Record that this package looks for.
const (
	recordFull = "full"
	recordHash = "hash"
)

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
	if err != nil {
		s.preview(action.Detail, withoutLeadingComments(args.SQL, s.dialect.Name()))
	}
	if fault.Is(err, fault.Invalid) {
		return action, fault.Wrap(fault.Invalid, err, rejected+fault.Of(err).Public)
	}
	if err != nil {
		return action, fmt.Errorf("SQL guard: %w", err)
	}
	s.preview(action.Detail, stmt.SQL)
	read := new(readRelations)
	action.Detail["relations"] = read
	limit := database.Limit{Rows: args.Limit}.OrDefault()
	action.Run = func(ctx context.Context) (*tool.Result, error) {
		if env.Room != nil {
			limit.Room = func(bytes int) error { return env.Room(ctx, bytes) }
		}
		return s.execute(ctx, env.Principal, stmt, limit, read)
	}
	return action, nil
}

func (s *source) execute(ctx context.Context, p identity.Principal, stmt *sqlguard.Statement, limit database.Limit, read *readRelations) (*tool.Result, error) {
	table, err := s.query(ctx, p, stmt, limit, read)
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
	return &tool.Result{Table: table, Detail: tableDetail(table, read)}, nil
}

// query runs stmt and fills in the relations that it reads.
func (s *source) query(ctx context.Context, p identity.Principal, stmt *sqlguard.Statement, limit database.Limit, read *readRelations) (*tool.Table, error) {
	conn, err := s.open(ctx, p)
	if err != nil {
		return nil, err
	}
	relations, err := conn.Relations(ctx, stmt)
	if err != nil {
		return nil, err
	}
	read.names.Store(&relations)
	return conn.Query(ctx, stmt, limit)
}
