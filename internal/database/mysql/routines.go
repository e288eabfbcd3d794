package mysql

import (
	"context"
	"strings"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// routinesSQL lists the functions of one database.
const routinesSQL = `SELECT specific_name, routine_name, COALESCE(dtd_identifier, ''), is_deterministic, sql_data_access, COALESCE(routine_body, 'SQL'),
COALESCE(routine_definition, ''), security_type, sql_mode, definer, routine_schema
FROM information_schema.routines WHERE routine_type = 'FUNCTION' AND routine_schema = `

// argumentsSQL lists the types of their arguments; position 0 is the result.
const argumentsSQL = `SELECT specific_name, COALESCE(dtd_identifier, '') FROM information_schema.parameters
WHERE routine_type = 'FUNCTION' AND ordinal_position > 0 AND specific_schema = `

// readRoutines returns the functions of a database by their names in lower
// case: the servers ignore the case of these.
func readRoutines(ctx context.Context, read reader, schema string) (map[string]database.Function, error) {
	arguments := map[string][]string{}
	err := read(ctx, argumentsSQL+quote(schema)+" ORDER BY specific_name, ordinal_position", func(v []string) error {
		arguments[v[0]] = append(arguments[v[0]], v[1])
		return nil
	})
	if err != nil {
		return nil, err
	}
	routines := map[string]database.Function{}
	err = read(ctx, routinesSQL+quote(schema), func(v []string) error {
		routines[strings.ToLower(v[1])] = functionOf(v, arguments[v[0]])
		return nil
	})
	return routines, err
}

// functionOf reads a row of routinesSQL. A body that the login may not see
// leaves the hash empty: the time of the last change, which is all that is
// left, can be set by whoever edits the function.
func functionOf(v, arguments []string) database.Function {
	f := database.Function{
		Signature:  v[10] + "." + v[1] + "(" + strings.Join(arguments, ",") + ")",
		Returns:    v[2],
		Volatility: "not deterministic",
		Language:   v[5],
		Source:     v[6],
	}
	if v[3] == "YES" {
		f.Volatility = "deterministic"
	}
	f.Volatility += ", " + strings.ToLower(v[4])
	if f.Source != "" {
		f.Hash = database.HashDefinition(f.Signature, v[2], v[3], v[4], v[6], v[7], v[8], v[9])
	}
	return f
}

// hiddenBody says why a function that is listed does not run, and what mends
// that.
func hiddenBody(f flavour) string {
	grant := "GRANT SHOW_ROUTINE ON *.*"
	if f == mariaDB {
		grant = "GRANT SHOW CREATE ROUTINE on its database or, before MariaDB 11.3, GRANT SELECT ON mysql.proc"
	}
	return "this login does not see the function's body, so that an edit would not show: " + grant + " to it, and list the function again"
}
