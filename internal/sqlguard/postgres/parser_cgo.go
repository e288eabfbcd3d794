//go:build cgo

package postgres

import (
	"errors"

	libpgquery "github.com/pganalyze/pg_query_go/v6/parser"
)

const (
	// maxConcurrent is unbounded: the library keeps its state per thread.
	maxConcurrent = 0
	// maxChain and maxTreeDepth add nothing to maxTokens: the stack of a
	// thread holds the recursion of any text that maxTokens lets through.
	maxChain     = maxTokens
	maxTreeDepth = 4 * maxTokens
	// survivesPanic: what can panic is Go code around the library.
	survivesPanic = true
)

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
