package egress

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func fetch(c *http.Client, url string) (int, string, error) {
	resp, err := c.Get(url)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), errors.Join(err, resp.Body.Close())
}

func TestClientObeysThePolicy(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a refused target was asked") })
	if _, _, err := fetch(NewClient(Policy{}, ClientConfig{}), url); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v", err)
	}
}

func TestClientUsesNoProxyOfTheEnvironment(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked to dial for us") })
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("http_proxy", proxy)
	if _, _, err := fetch(NewClient(Policy{}, ClientConfig{}), "http://169.254.169.254/latest/meta-data"); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v", err)
	}
}

func TestClientFollowsNoRedirect(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	status, _, err := fetch(NewClient(Policy{AllowLoopback: true}, ClientConfig{}), url)
	if err != nil || status != http.StatusFound {
		t.Errorf("%d, %v", status, err)
	}
}

func TestClientCapsBodies(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
		if err != nil {
			t.Error(err)
		}
		switch r.URL.RawQuery {
		case "chunked":
			w.(http.Flusher).Flush()
		case "gzip":
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			_, _ = io.WriteString(zip, strings.Repeat("x", size))
			_ = zip.Close()
			return
		}
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	})
	c := NewClient(Policy{AllowLoopback: true}, ClientConfig{MaxBody: 1000})
	for _, how := range []string{"", "chunked", "gzip"} {
		if _, body, err := fetch(c, url+"/1000?"+how); err != nil || len(body) != 1000 {
			t.Errorf("%q at the limit: %d bytes, %v", how, len(body), err)
		}
		if _, body, err := fetch(c, url+"/100000?"+how); !errors.Is(err, ErrTooLarge) || len(body) > 1000 {
			t.Errorf("%q above the limit: %d bytes, %v", how, len(body), err)
		}
	}
}

func TestClientGivesUp(t *testing.T) {
	release := make(chan struct{})
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	_, _, err := fetch(NewClient(Policy{AllowLoopback: true}, ClientConfig{Timeout: 20 * time.Millisecond}), address)
	if failed, ok := errors.AsType[*url.Error](err); !ok || !failed.Timeout() {
		t.Errorf("got %v", err)
	}
}
