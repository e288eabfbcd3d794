package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCredentialOf(t *testing.T) {
	const raw = "mgw_abcdefgh_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	const odd = "mgw_rt_abcde_rt_abcdefghijklmnopqrstuvwxyz0123456789ABCD" // one of 64³ keys
	for _, tt := range []struct {
		name   string
		target string
		header http.Header
		query  bool
		want   credential
		key    bool
	}{
		{name: "nothing", want: credential{}},
		{name: "bearer token", header: http.Header{"Authorization": {"Bearer a.b.c"}}, want: credential{carriedByAuthorization, "a.b.c"}},
		{name: "scheme in any case", header: http.Header{"Authorization": {"bEARER  a.b.c"}}, want: credential{carriedByAuthorization, "a.b.c"}},
		{name: "bearer key", header: http.Header{"Authorization": {"Bearer " + raw}}, want: credential{carriedByAuthorization, raw}, key: true},
		{name: "refresh token is no key", header: http.Header{"Authorization": {"Bearer mgw_rt_x"}}, want: credential{carriedByAuthorization, "mgw_rt_x"}},
		{name: "key that looks like a refresh token", header: http.Header{"Authorization": {"Bearer " + odd}}, want: credential{carriedByAuthorization, odd}, key: true},
		{name: "key header", header: http.Header{"X-Api-Key": {" " + raw}}, want: credential{carriedByKeyHeader, raw}, key: true},
		{name: "token in the key header is read as a key", header: http.Header{"X-Api-Key": {"a.b.c"}}, want: credential{carriedByKeyHeader, "a.b.c"}, key: true},
		{name: "query", target: "/?api_key=" + raw, query: true, want: credential{carriedByQuery, raw}, key: true},
		{name: "query switched off", target: "/?api_key=" + raw, want: credential{}},
		{name: "empty query key decides", target: "/?api_key=", query: true, want: credential{carriedByQuery, ""}, key: true},
		{
			name: "authorization wins", target: "/?api_key=q", query: true,
			header: http.Header{"Authorization": {"Bearer bad"}, "X-Api-Key": {raw}},
			want:   credential{carriedByAuthorization, "bad"},
		},
		{
			name:   "another scheme is a bad credential, not a missing one",
			header: http.Header{"Authorization": {"Basic Zm9v"}, "X-Api-Key": {raw}},
			want:   credential{carriedByAuthorization, ""},
		},
		{name: "key header wins over query", target: "/?api_key=q", query: true, header: http.Header{"X-Api-Key": {raw}}, want: credential{carriedByKeyHeader, raw}, key: true},
		{name: "repeated header", header: http.Header{"Authorization": {"Bearer a", "Bearer b"}}, want: credential{carriedByAuthorization, ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.target == "" {
				tt.target = "/"
			}
			r := httptest.NewRequest(http.MethodGet, tt.target, nil)
			for name, values := range tt.header {
				r.Header[name] = values
			}
			got := credentialOf(r, tt.query)
			if got != tt.want || got.isKey() != tt.key {
				t.Errorf("got %+v key %v, want %+v key %v", got, got.isKey(), tt.want, tt.key)
			}
		})
	}
}

func TestNewKey(t *testing.T) {
	raw, prefix := NewKey()
	other, _ := NewKey()
	switch {
	case raw == other:
		t.Error("two keys are equal")
	case len(prefix) != KeyPrefixLength || raw[:len(prefix)] != prefix:
		t.Errorf("prefix %q of %d characters does not begin the key", prefix, len(prefix))
	case !wellFormedKey(raw):
		t.Error("a new key is not well formed")
	}
	for name, bad := range map[string]string{
		"empty": "", "short": raw[:len(raw)-1], "long": raw + "x",
		"other prefix": "mgw_AAAAAAAA" + raw[KeyPrefixLength:], "no prefix": "xxx_" + raw[4:],
	} {
		if wellFormedKey(bad) {
			t.Errorf("%s: well formed", name)
		}
	}
}
