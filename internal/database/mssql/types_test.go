package mssql_test

import (
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database/mssql/tdstest"
)

// sample is a statement, what a server sends for it by MS-TDS, and the JSON.
type sample struct {
	typ, sql string
	wire     tdstest.Type
	value    any
	json     string
}

func (s sample) canned() canned {
	return canned{columns: []tdstest.Column{{Name: "v", Type: s.wire}}, rows: [][]any{{s.value}}}
}

func at(year int, month time.Month, day, hour, minute, second, nano int) time.Time {
	return time.Date(year, month, day, hour, minute, second, nano, time.UTC)
}

func samples() []sample {
	return []sample{
		{"bigint", "SELECT CAST(9223372036854775807 AS bigint) AS v", tdstest.Int(8), int64(9223372036854775807), `9223372036854775807`},
	}
}
