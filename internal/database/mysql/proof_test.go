package mysql_test

import (
	"bytes"
	"crypto/tls"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

const (
	native    = "mysql_native_password"
	sha2      = "caching_sha2_password"
	challenge = "abcdefghijklmnopqrst\x00"
)

// schemes are what a fake server asks for in one login: first in its greeting,
// then in requests for another scheme.
type schemes []string

// loginBy plays one login, encrypted if there is a config, and answers one
// statement before it closes.
func (p *peer) loginBy(asked schemes, config *tls.Config) {
	if config == nil {
		p.greet(plainCaps, asked[0])
	} else if p.greet(plainCaps|capSSL, asked[0]); p.secure(config) != nil {
		return
	}
	for _, scheme := range asked[1:] {
		if p.packet() == nil {
			return
		}
		p.send("\xfe" + scheme + "\x00" + challenge)
	}
	if p.packet() == nil {
		return
	}
	if asked[len(asked)-1] == sha2 {
		p.send("\x01\x03")
	}
	p.send(okPacket)
	answered := false
	p.onStatement = func(sql string) {
		if answered && sql != "ROLLBACK" {
			p.Close() // the next statement needs a login of its own
		}
	}
	p.serve(func(string) {
		p.result("1", "2")
		answered = true
	})
}

// TestNativePasswordOfAnUnprovenServer has servers ask for the weaker scheme.
// Each case is a series of logins of one connection.
func TestNativePasswordOfAnUnprovenServer(t *testing.T) {
	const ok, no = "", "authentication failed: the server asks for mysql_native_password"
	for name, tt := range map[string]struct {
		options string
		logins  []schemes
		want    []string
	}{
		"MariaDB":                    {"", []schemes{{native}, {native}}, []string{ok, ok}},
		"an older account of MySQL":  {"", []schemes{{sha2, native}, {sha2, native}}, []string{ok, ok}},
		"MySQL":                      {"", []schemes{{sha2}, {sha2}}, []string{ok, ok}},
		"made better":                {"", []schemes{{native}, {sha2}, {native}}, []string{ok, ok, no}},
		"made worse in the greeting": {"", []schemes{{sha2}, {native}, {sha2}}, []string{ok, no, ok}},
		"made worse by a request":    {"", []schemes{{sha2}, {sha2, native}, {sha2}}, []string{ok, no, ok}},
		"worse, but encrypted":       {"ssl-mode=required", []schemes{{sha2}, {native}}, []string{ok, no}},
		"worse, but allowed":         {"allowNativePasswords=true", []schemes{{sha2}, {native}, {sha2, native}}, []string{ok, ok, ok}},
		"never in a greeting":        {"allow_native_passwords=false", []schemes{{native}, {sha2}}, []string{no, ok}},
		"never on request":           {"allowNativePasswords=false", []schemes{{sha2, native}}, []string{no}},
		"a greeting without a name":  {"allowNativePasswords=false", []schemes{{""}}, []string{no}},
	} {
		t.Run(name, func(t *testing.T) {
			var config *tls.Config
			options := "?ssl-mode=disabled&" + tt.options
			if strings.Contains(tt.options, "ssl-mode") {
				options, config = "?"+tt.options, selfSigned(t)
			}
			server := newSeries(t, tt.logins, config)
			conn := open(t, server.url()+options)
			for i, want := range tt.want {
				before := len(server.wire())
				_, err := conn.Query(t.Context(), statement("SELECT 1, 2"), database.Limit{})
				switch {
				case want == ok && err != nil, want == no && (err == nil || !strings.HasPrefix(fault.Of(err).Public, no)):
					t.Errorf("login %d: %v, want %q", i, err, want)
				case want == no && config == nil && len(tt.logins[i]) == 1 && bytes.Contains(server.wire()[before:], []byte(native)):
					t.Errorf("login %d: the server was told %q", i, server.wire()[before:])
				}
			}
		})
	}
}

// newSeries is a server whose connections are the logins in turn, each for one
// statement.
func newSeries(t *testing.T, logins []schemes, config *tls.Config) *fakeServer {
	t.Helper()
	var mu sync.Mutex
	next := 0
	return fake(t, func(p *peer) {
		mu.Lock()
		asked := logins[min(next, len(logins)-1)]
		next++
		mu.Unlock()
		p.loginBy(asked, config)
	})
}

// TestUnknownFirstScheme: the driver would answer a greeting that it does not
// understand with mysql_native_password, which nobody has asked for.
func TestUnknownFirstScheme(t *testing.T) {
	for _, scheme := range []string{"parsec", "mysql_clear_password", "mysql_old_password", "dialog", "authentication_ldap_sasl_client", "MYSQL_NATIVE_PASSWORD"} {
		server := fake(t, func(p *peer) { p.loginBy(schemes{scheme}, nil) })
		wantFailure(t, server, "authentication failed: the server asks for a kind of authentication that is not supported: "+
			"let the login use caching_sha2_password, ed25519 or mysql_native_password")
		if got := server.wire(); len(got) > 0 {
			t.Errorf("%s: the server was told %q", scheme, got)
		}
	}
}

// TestFaultsOfProofSayWhatToDo: the password may be right in all of them.
func TestFaultsOfProofSayWhatToDo(t *testing.T) {
	key := publicKey(t)
	for name, tt := range map[string]struct {
		scheme string
		then   []string
		words  string
	}{
		"cold cache without TLS": {sha2, []string{"\x01\x04", "\x01" + key}, "use ssl-mode=required or stricter"},
		"sha256_password":        {"sha256_password", []string{"\x01" + key}, "let it use caching_sha2_password"},
		"clear text":             {native, []string{"\xfemysql_clear_password\x00" + challenge}, "not supported: let the login use"},
		"the oldest":             {native, []string{"\xfe"}, "not supported: let the login use"},
	} {
		t.Run(name, func(t *testing.T) {
			server := fake(t, func(p *peer) {
				p.greet(plainCaps, tt.scheme)
				for _, packet := range tt.then {
					if p.packet() == nil {
						return
					}
					p.send(packet)
				}
				p.packet()
			})
			_, err := open(t, server.url()).Probe(t.Context())
			if got := fault.Of(err).Public; !strings.HasPrefix(got, database.ErrAuthentication+": ") || !strings.Contains(got, tt.words) {
				t.Errorf("%q, want words of %q", got, tt.words)
			}
		})
	}
}

// TestColdCache: MySQL has not seen the login before and wants the password
// itself, once.
func TestColdCache(t *testing.T) {
	s := startOn(t, "MCPGW_TEST_MYSQL")
	_, err := open(t, s.readerConn+"&ssl-mode=disabled").Probe(t.Context())
	if got := fault.Of(err).Public; !strings.Contains(got, "the password may be right: use ssl-mode=required") {
		t.Errorf("without TLS: %q", got)
	}
	for _, mode := range []string{"required", "disabled"} { // warm from the first on
		if _, err := open(t, s.readerConn+"&ssl-mode="+mode).Probe(t.Context()); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}
