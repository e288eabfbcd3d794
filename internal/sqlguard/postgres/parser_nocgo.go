//go:build !cgo

package postgres

import (
	"errors"

	libpgquery "github.com/wasilibs/go-pgquery/parser"
)

// maxConcurrent is one: every further concurrent call would compile a runtime
// of its own, for two seconds of CPU and hundreds of megabytes.
const maxConcurrent = 1

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
