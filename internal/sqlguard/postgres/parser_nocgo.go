//go:build !cgo

package postgres

import (
	"errors"

	libpgquery "github.com/wasilibs/go-pgquery/parser"
)

// This build's library writes (ARRAY[1,2])[1] back without its brackets, which
// the comparison of trees refuses.

const (
	// maxConcurrent is one: every further concurrent call would compile a
	// runtime of its own, for two seconds of CPU and hundreds of megabytes.
	maxConcurrent = 1
	// maxChain and maxTreeDepth keep the library's recursion within its 64 KB
	// of C stack, behind which lies its data: overflowing it does not trap,
	// it corrupts. Measured: writing the tree of 2,000 chained operators
	// works, and reading a tree back works to 120 levels of the greediest
	// node (1::int::int…, UNION) and not to 200.
	maxChain     = 1_000
	maxTreeDepth = 80
	// survivesPanic: a trap leaves the library's memory as it was then.
	survivesPanic = false
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
