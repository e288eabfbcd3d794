package mcp

import (
	"errors"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

func mustIDs(t *testing.T, instance, secret string, old ...string) sessionIDs {
	t.Helper()
	keys, err := seal.NewHasher(secret, old)
	if err != nil {
		t.Fatal(err)
	}
	return sessionIDs{instance: instance, keys: keys}
}

func TestSessionIDs(t *testing.T) {
	ids := mustIDs(t, "0011223344556677", "one secret")
	id := ids.next()
	if id == ids.next() {
		t.Error("two ids are alike")
	}
	for name, tt := range map[string]struct {
		reader sessionIDs
		id     string
		want   error
	}{
		"own":                          {ids, id, nil},
		"of another instance":          {mustIDs(t, "other", "one secret"), id, nil},
		"after the secret was changed": {mustIDs(t, "other", "two secret", "one secret"), id, nil},
		"under another secret":         {mustIDs(t, "other", "two secret"), id, errNoSession},
		"other instance named":         {ids, strings.Replace(id, "0011", "0012", 1), errNoSession},
		"other bits":                   {ids, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + id[43:], errNoSession},
		"cut MAC":                      {ids, id[:len(id)-1], errNoSession},
		"longer MAC":                   {ids, id + "0", errNoSession},
		"without instance and MAC":     {ids, id[:43], errNoSession},
		"too few bits":                 {ids, id[2:], errSessionID},
		"not base64":                   {ids, "!" + id[1:], errSessionID},
		"empty":                        {ids, "", errSessionID},
	} {
		holder, err := tt.reader.holder(tt.id)
		if !errors.Is(err, tt.want) || err == nil && holder != ids.instance {
			t.Errorf("%s: %q, %v; want %v", name, holder, err, tt.want)
		}
	}
}
