package postgres

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/pgdirect"
)

//go:embed identity.sql
var identitySQL string

// tempFileLimit bounds the temporary files of one statement where the login
// may set it and its own setting is "no limit".
const tempFileLimit = "1GB"

// identity is what a connection tells about itself before anything is set.
type identity struct {
	direct bool      // it ends at the server and at no pooler
	powers []string  // what the login could do to the server beyond SQL
	bounds []setting // of memory, processes and files; never above the login's own
}

// setting is a server setting and its value.
type setting struct{ name, value string }

// identityStatement is identity.sql for the version of the server.
func identityStatement(version string) string {
	// Before version 15 only a superuser may set temp_file_limit.
	may := "pg_catalog.current_setting('is_superuser')::bool"
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= 15 {
		may = "pg_catalog.has_parameter_privilege('temp_file_limit', 'SET')"
	}
	return strings.NewReplacer("$columns", pgdirect.Columns, "$may_limit_files", may).Replace(identitySQL)
}

// identify asks inside of a transaction that is rolled back, so that a pooler
// in front keeps nothing of it. The transaction is open when the server first
// reports ready, which a pooler in statement mode does not allow: it refuses
// here, before any statement of a caller (see refusesTransactions).
func (s *session) identify() (*identity, error) {
	s.sendUnnamed(beginSQL)
	s.sendUnnamed(identityStatement(s.pg.ParameterStatus("server_version")))
	s.fe.SendSync(&pgproto3.Sync{})
	if err := s.fe.Flush(); err != nil {
		return nil, err
	}
	values, err := s.awaitRow()
	if err != nil {
		return nil, err
	}
	s.fe.SendQuery(&pgproto3.Query{String: rollbackSQL})
	if err := s.fe.Flush(); err != nil {
		return nil, err
	}
	if err := s.await(); err != nil {
		return nil, err
	}
	return s.readIdentity(values)
}

// awaitRow reads up to ReadyForQuery and returns the one row on the way.
func (s *session) awaitRow() (values []string, err error) {
	for {
		msg, failed := s.fe.Receive()
		if failed != nil {
			return nil, errors.Join(failed, err)
		}
		switch m := msg.(type) {
		case *pgproto3.DataRow:
			values = make([]string, len(m.Values))
			for i, v := range m.Values {
				values[i] = string(v)
			}
		case *pgproto3.ErrorResponse:
			if err == nil {
				err = pgconn.ErrorResponseToPgError(m)
			}
		case *pgproto3.ReadyForQuery:
			return values, err
		}
	}
}

func (s *session) readIdentity(values []string) (*identity, error) {
	if len(values) != 8 {
		return nil, errProtocol
	}
	id := &identity{direct: pgdirect.Proven(s.pg, values[0], values[1], values[2])}
	if err := json.Unmarshal([]byte(values[3]), &id.powers); err != nil {
		return nil, fmt.Errorf("powers of the login: %w", err)
	}
	id.bounds = []setting{
		{"work_mem", values[4] + "B"},
		{"hash_mem_multiplier", values[5]},
		{"max_parallel_workers_per_gather", values[6]},
	}
	if values[7] == "t" {
		id.bounds = append(id.bounds, setting{"temp_file_limit", tempFileLimit})
	}
	return id, nil
}

const statementPooling = database.ErrStatementPooling + ": the pooler in front of this database works in statement mode, " +
	"which allows no transaction; use transaction or session mode"

// refusesTransactions recognises PgBouncer in statement mode. It has no code of
// its own for it (https://www.pgbouncer.org/config.html#pool_mode).
func refusesTransactions(e *pgconn.PgError) bool {
	return e.Code == codeProtocol && strings.Contains(e.Message, "statement pooling")
}
