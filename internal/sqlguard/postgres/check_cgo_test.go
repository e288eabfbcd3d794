//go:build cgo

package postgres

import (
	"strings"
	"testing"
)

// TestOnlyWithCgo accepts what the WebAssembly build refuses, because its
// library cannot write it back or has too little stack.
func TestOnlyWithCgo(t *testing.T) {
	tests := map[string]string{
		"subscript of a constructor": "SELECT (ARRAY[[1, 2], [3, 4]])[2][1], (ARRAY[1, 2, 3])[2:3]",
		"a list of values":           "SELECT 1 IN (" + strings.Repeat("x, ", 1_500) + "x)",
		"a sum of columns":           "SELECT " + strings.Repeat("x + ", 200) + "x FROM t",
	}
	guard := New()
	for name, sql := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := guard.Check(sql); err != nil {
				t.Error(err)
			}
		})
	}
}
