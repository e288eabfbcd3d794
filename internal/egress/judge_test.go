package egress_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/egress"
)

func TestJudge(t *testing.T) {
	d := egress.NewDialer(egress.Policy{
		Deny: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, DenyHosts: []string{"secret.internal"},
	}, 0)
	for address, allowed := range map[string]bool{
		"169.254.169.254:80": false, "[::1]:5432": false, "127.0.0.1:5432": false, "localhost:5432": false, "LOCALHOST.:5432": false,
		"10.9.1.1:5432": false, "Secret.Internal:5432": false, "[::ffff:169.254.169.254]:80": false,
		"[::127.0.0.1]:5432": false, "[::ffff:0:127.0.0.1]:5432": false, "[64:ff9b:1::127.0.0.1]:5432": false, "[2606:2800::5efe:169.254.169.254]:80": false,
		"10.8.1.1:5432": true, "db.internal:5432": true, "203.0.113.9:5432": true,
	} {
		if err := d.Judge(address); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed = %v", address, err, allowed)
		} else if err != nil && !errors.Is(err, egress.ErrDenied) {
			t.Errorf("%s: %v is no refusal", address, err)
		}
	}
	if d.Judge("no port") == nil || d.Judge("a:b") == nil {
		t.Error("a malformed address was accepted")
	}
}
