package sso_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/sso/ssotest"
)

// TestDirectoryForgets bounds how long a withdrawn key counts, and what does
// not pass the check is asked for again.
func TestDirectoryForgets(t *testing.T) {
	idp := ssotest.Start(t)
	now := time.Now()
	d := sso.NewDirectory(http.DefaultClient, func() time.Time { return now })
	url := idp.Issuer() + "/.well-known/openid-configuration"
	fits := func(*sso.Metadata) error { return nil }
	look := func(check func(*sso.Metadata) error, wantCalls int) {
		t.Helper()
		_, err := d.Lookup(context.Background(), url, check)
		if want := check(nil) != nil; (err != nil) != want {
			t.Errorf("error %v", err)
		}
		if n := idp.Calls(ssotest.Discovery); n != wantCalls {
			t.Errorf("asked %d times, want %d", n, wantCalls)
		}
	}
	misfit := func(*sso.Metadata) error { return errors.New("another issuer") }
	look(misfit, 1)
	look(fits, 2)
	look(fits, 2)
	look(misfit, 3)
	now = now.Add(59 * time.Minute)
	look(fits, 3)
	now = now.Add(2 * time.Minute)
	look(fits, 4)
}
