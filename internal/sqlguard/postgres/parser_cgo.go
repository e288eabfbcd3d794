//go:build cgo

package postgres

import (
	"errors"

	libpgquery "github.com/pganalyze/pg_query_go/v6/parser"
)

// maxConcurrent is unbounded: the C library keeps its state per thread.
const maxConcurrent = 0

func parseProtobuf(sql string) ([]byte, error) {
	tree, err := libpgquery.ParseToProtobuf(sql)
	return tree, plain(err)
}

func deparseProtobuf(tree []byte) (string, error) {
	sql, err := libpgquery.DeparseFromProtobuf(tree)
	return sql, plain(err)
}

// plain turns the library's error into ours.
func plain(err error) error {
	var failed *libpgquery.Error
	if errors.As(err, &failed) {
		return &syntaxError{message: failed.Message, cursor: failed.Cursorpos}
	}
	return err
}
