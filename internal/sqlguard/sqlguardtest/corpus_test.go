package sqlguardtest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
)

func TestSplit(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"empty":                 {"", nil},
		"one":                   {"SELECT 1\n", []string{"SELECT 1"}},
		"two lines each":        {"SELECT\n1\n%%\nSELECT\n2\n", []string{"SELECT\n1", "SELECT\n2"}},
		"separator at the end":  {"SELECT 1\n%%\n", []string{"SELECT 1"}},
		"percent in a line":     {"SELECT 5 %% 2\n%%\nSELECT 2", []string{"SELECT 5 %% 2", "SELECT 2"}},
		"blank statements drop": {"%%\n\n%%\nSELECT 1", []string{"SELECT 1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Split(tt.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIsReason(t *testing.T) {
	tests := map[string]struct {
		err  error
		want bool
	}{
		"function":         {sqlguard.FunctionNotAllowed("pg_sleep"), true},
		"empty":            {sqlguard.Empty(), true},
		"another text":     {fault.New(fault.Invalid, "no"), false},
		"another kind":     {fault.New(fault.Internal, "Multiple statements are not allowed"), false},
		"no fault at all":  {errors.New("Multiple statements are not allowed"), false},
		"nil is no reason": {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := IsReason(tt.err); got != tt.want {
				t.Errorf("IsReason(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}
