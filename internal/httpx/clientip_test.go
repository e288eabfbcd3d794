package httpx

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClientIP(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, tc := range map[string]struct {
		trusted []netip.Prefix
		peer    bool
		remote  string
		forward []string
		want    string
	}{
		"direct":                   {nil, false, "203.0.113.9:1", nil, "203.0.113.9"},
		"forged, nobody trusted":   {nil, false, "203.0.113.9:1", []string{"1.1.1.1"}, "203.0.113.9"},
		"forged, peer not a proxy": {proxies, false, "203.0.113.9:1", []string{"1.1.1.1"}, "203.0.113.9"},
		"one proxy":                {proxies, false, "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"client lies on the left":  {proxies, false, "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"lies with a trusted one":  {proxies, false, "10.0.0.1:1", []string{"1.1.1.1, 10.9.9.9, 203.0.113.9"}, "203.0.113.9"},
		"two proxies, two headers": {proxies, false, "10.0.0.1:1", []string{"1.1.1.1,203.0.113.9", "10.0.0.2"}, "203.0.113.9"},
		"all trusted":              {proxies, false, "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"no header":                {proxies, false, "10.0.0.1:1", nil, "10.0.0.1"},
		"garbage ends the walk":    {proxies, false, "10.0.0.1:1", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		"with ports":               {proxies, false, "10.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6 with port":           {proxies, false, "[fd00::1]:1", []string{"[2001:db8::9]:4711"}, "2001:db8::9"},
		"IPv6 in brackets":         {proxies, false, "[fd00::1]:1", []string{"[2001:db8::9]"}, "2001:db8::9"},
		"IPv4 in IPv6":             {proxies, false, "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"peer trusted":             {nil, true, "192.0.2.1:1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"peer trusted, no header":  {nil, true, "192.0.2.1:1", nil, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tc.remote
			for _, f := range tc.forward {
				r.Header.Add("X-Forwarded-For", f)
			}
			var got netip.Addr
			h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = ClientIP(r) })
			NewFront(FrontConfig{Next: h, Log: slog.New(slog.DiscardHandler), Proxies: Proxies{tc.trusted, tc.peer}}).ServeHTTP(httptest.NewRecorder(), r)
			if got.String() != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestRequestIDIsOurs(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-ID", "chosen-by-caller")
	var inside string
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = RequestID(r.Context()) })
	w, lines := through(t, h, r)
	outside := w.Header().Get("X-Request-ID")
	if inside == "" || inside != outside || lines[0]["request_id"] != outside || outside == "chosen-by-caller" {
		t.Errorf("inside %q, header %q, log %v", inside, outside, lines)
	}
}
