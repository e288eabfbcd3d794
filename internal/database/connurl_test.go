package database_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

func urlForm() database.URLForm {
	return database.URLForm{
		Type:        "thatdb",
		Schemes:     []string{"that", "that+py"},
		DefaultPort: 4711,
		HostHint:    "pipes are not accepted",
		Canonical:   func(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "") },
	}
}

func TestConnURL(t *testing.T) {
	plain := database.ConnURL{Scheme: "that", Host: "h", Port: 4711, User: "u", Password: "p", Database: "db"}
	with := func(change func(*database.ConnURL)) database.ConnURL {
		u := plain
		change(&u)
		return u
	}
	for s, want := range map[string]database.ConnURL{
		"that://u:p@h/db":         plain,
		"THAT+py://u:p@h:4711/db": plain,
		"that://u:p@h/db?":        plain,
		"that://u:p@h/db?&":       plain,
		"that://u:p@h":            with(func(u *database.ConnURL) { u.Database = "" }),
		"that://u@h/db":           with(func(u *database.ConnURL) { u.Password = "" }),
		"that://u:@h:1/db":        with(func(u *database.ConnURL) { u.Password, u.Port = "", 1 }),
		"that://u:p@h:65535/db":   with(func(u *database.ConnURL) { u.Port = 65535 }),
		"that://u:p@[::1]/db":     with(func(u *database.ConnURL) { u.Host = "::1" }),
		"that://u:p@[fe80::2]:7/": with(func(u *database.ConnURL) { u.Host, u.Port, u.Database = "fe80::2", 7, "" }),
		"that://u:p@a-b_c.De/db":  with(func(u *database.ConnURL) { u.Host = "a-b_c.De" }),
		"that://u:p@münchen/db":   with(func(u *database.ConnURL) { u.Host = "münchen" }),
		"that://u:p:q@r#;+@h/db":  with(func(u *database.ConnURL) { u.Password = "p:q@r#;+" }),
		"that://u%3A%40:%2F%3F%25@h/d%2Fb%20c": with(func(u *database.ConnURL) {
			u.User, u.Password, u.Database = "u:@", "/?%", "d/b c"
		}),
		"that://u:p@h/db?Time-Out=5&name=a+b%26c=d&empty": with(func(u *database.ConnURL) {
			u.Options = []database.Option{
				{Key: "timeout", Name: "Time-Out", Value: "5"},
				{Key: "name", Name: "name", Value: "a b&c=d"},
				{Key: "empty", Name: "empty"},
			}
		}),
	} {
		got, err := urlForm().Parse(s)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
			continue
		}
		if diff := cmp.Diff(asMap(want), asMap(got)); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", s, diff)
		}
	}
}

// asMap shows all of u, which its own texts do not.
func asMap(u database.ConnURL) map[string]any {
	return map[string]any{
		"scheme": u.Scheme, "host": u.Host, "port": u.Port, "user": u.User,
		"password": u.Password, "database": u.Database, "options": u.Options,
	}
}

func TestConnURLRefused(t *testing.T) {
	const (
		noUser  = "connection string names no user"
		badHost = "host must be one name or address; pipes are not accepted"
		badPort = "port is not a number from 1 to 65535; percent-encode @, /, ? and : in the password"
	)
	for s, want := range map[string]string{
		"":                                "connection string must look like that://user:password@host:4711/database",
		"that:u:hunter22@h/db":            "connection string must look like that://user:password@host:4711/database",
		"this://u:hunter22@h/db":          `scheme "this" does not belong to thatdb; use that://`,
		strings.Repeat("x", 99) + "://u":  `scheme "` + strings.Repeat("x", 40) + `…" does not belong to thatdb; use that://`,
		"that://u:hunter22\n@h/db":        "connection string holds control characters",
		"that://u:hunter22\xff@h/db":      "connection string holds control characters",
		"that://h/db":                     noUser,
		"that://@h/db":                    noUser,
		"that://:hunter22@h/db":           noUser,
		"that://u%zz:hunter22@h/db":       "user has a broken percent-encoding",
		"that://u%00:hunter22@h/db":       "user holds control characters",
		"that://u:hunter22%@h/db":         "password has a broken percent-encoding",
		"that://u:hunter22%0a@h/db":       "password holds control characters",
		"that://u:hunter22%ff@h/db":       "password holds control characters",
		"that://u:hunter22@/db":           "connection string names no host",
		"that://u:hunter22@:1/db":         "connection string names no host",
		"that://u:hunter22@[]/db":         "host in brackets is not an IPv6 address",
		"that://u:hunter22@[::1/db":       "host in brackets is not an IPv6 address",
		"that://u:hunter22@[name]/db":     "host in brackets is not an IPv6 address",
		"that://u:hunter22@[fe80::1%a]/d": "host in brackets is not an IPv6 address",
		"that://u:hunter22@a,b/db":        badHost,
		"that://u:hunter22@%2Ftmp/db":     badHost,
		`that://u:hunter22@h\inst/db`:     badHost,
		"that://u:hunter22@tcp(h)/db":     badHost,
		"that://u:hunter22@::1/db":        badHost,
		"that://u:hunter22@h:/db":         badPort,
		"that://u:hunter22@h:0/db":        badPort,
		"that://u:hunter22@h:65536/db":    badPort,
		"that://u:hunter22@h:+1/db":       badPort,
		"that://u:hunter22@h/a/b":         "database name holds a slash; percent-encode / in the password or name",
		"that://u:hunter22@h/%":           "database has a broken percent-encoding",
		"that://u:hunter22@h/d%00b":       "database holds control characters",
		"that://u:hunter22@h/db?a%=1":     `option "a%" has a broken percent-encoding`,
		"that://u:hunter22@h/db?a=%zz":    `option "a" has a broken percent-encoding`,
		"that://u:hunter22@h/db?a=%00":    `option "a" has a broken percent-encoding`,
		"that://u:hunter22@h/db?ab=&A-B=": `option "A-B" is given twice`,
	} {
		_, err := urlForm().Parse(s)
		if e := fault.Of(err); err == nil || e.Kind != fault.Unprocessable || e.Field != "connection_string" || e.Public != want {
			t.Errorf("Parse(%q): %v, want %s", s, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("Parse(%q): the password is shown: %v", s, err)
		}
	}
}

func TestOneSpellingWithoutCanonical(t *testing.T) {
	form := urlForm()
	form.Canonical = nil
	u, err := form.Parse("that://u@h?a-b=1&AB=2")
	if err != nil {
		t.Fatal(err)
	}
	want := []database.Option{{Key: "a-b", Name: "a-b", Value: "1"}, {Key: "AB", Name: "AB", Value: "2"}}
	if diff := cmp.Diff(want, u.Options); diff != "" {
		t.Error(diff)
	}
	if _, err := form.Parse("that://u@h?a=1&a=1"); err == nil {
		t.Error("an option is taken twice")
	}
}

// TestConnURLIsRedacted also where a dialect's target embeds it.
func TestConnURLIsRedacted(t *testing.T) {
	u, err := urlForm().Parse("that://u:hunter22@[::1]/db?a=hunter22")
	if err != nil {
		t.Fatal(err)
	}
	type target struct {
		database.ConnURL
		strict bool
	}
	own := &target{ConnURL: u, strict: true}
	encoded, err := json.Marshal(map[string]any{"target": own})
	if err != nil {
		t.Fatal(err)
	}
	const want = "that://[::1]:4711/db"
	for _, text := range []string{
		u.String(), fmt.Sprintf("%v %+v %#v", u, own, *own), fmt.Sprintf("%s %q %#v", *own, u, own), string(encoded),
	} {
		if strings.Contains(text, "hunter22") || !strings.Contains(text, want) {
			t.Errorf("got %s", text)
		}
	}
	if own.Address() != "[::1]:4711" {
		t.Errorf("address %s", own.Address())
	}
}

func TestConnectTimeoutOption(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"0": database.ConnectTimeout, "3": 3 * time.Second,
		"10": database.ConnectTimeout, "11": database.ConnectTimeout, "2147483647": database.ConnectTimeout,
	} {
		o := database.Option{Key: "timeout", Name: "Time-Out", Value: value}
		if got, err := o.ConnectTimeout(); err != nil || got != want {
			t.Errorf("%s: %v, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "-1", "1.5", "5s", "9223372036854775807"} {
		o := database.Option{Key: "timeout", Name: "Time-Out", Value: value}
		_, err := o.ConnectTimeout()
		if e := fault.Of(err); err == nil || e.Public != `option "Time-Out" must be a number of seconds` {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"db.internal": true, "10.1.2.3": true, "a_b-c": true, "bücher": true,
		"": false, "a b": false, "a:1": false, "a/b": false, `a\b`: false, "a,b": false, "*.a": false, "a%20": false,
	} {
		if database.ValidHost(host) != want {
			t.Errorf("ValidHost(%q) = %t", host, !want)
		}
	}
}
