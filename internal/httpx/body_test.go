package httpx

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// unannounced hides the length of a body.
type unannounced struct{ io.Reader }

func TestReadLargeBodyReserves(t *testing.T) {
	const limit = 1 << 20
	for name, c := range map[string]struct {
		bytes     int
		announced bool
		reserved  int // 0 for nothing
		refused   bool
	}{
		"none":                      {0, true, 0, false},
		"small":                     {100, true, 0, false},
		"as much as is free":        {SmallBody, true, 0, false},
		"more":                      {SmallBody + 1, true, SmallBody + 1, false},
		"the limit":                 {limit, true, limit, false},
		"beyond the limit":          {limit + 1, true, 0, true},
		"small, unannounced":        {100, false, 0, false},
		"almost free, unannounced":  {SmallBody - 1, false, 0, false},
		"more, unannounced":         {SmallBody + 1, false, limit, false},
		"the limit, unannounced":    {limit, false, limit, false},
		"beyond limit, unannounced": {limit + 1, false, limit, true},
	} {
		text := strings.Repeat("x", c.bytes)
		r := httptest.NewRequest("POST", "/", strings.NewReader(text))
		if !c.announced {
			r = httptest.NewRequest("POST", "/", unannounced{strings.NewReader(text)})
		}
		var reserved []int
		body, err := ReadLargeBody(httptest.NewRecorder(), r, limit, func(bytes int) error {
			reserved = append(reserved, bytes)
			return nil
		})
		switch {
		case c.refused != fault.Is(err, fault.TooLarge) || !c.refused && err != nil:
			t.Errorf("%s: %v", name, err)
		case !c.refused && string(body) != text:
			t.Errorf("%s: %d bytes read, want %d", name, len(body), len(text))
		case c.reserved == 0 && len(reserved) > 0, c.reserved > 0 && (len(reserved) != 1 || reserved[0] != c.reserved):
			t.Errorf("%s: reserved %v, want %d", name, reserved, c.reserved)
		}
	}
}

// counting counts what is read.
type counting struct {
	io.Reader
	read int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

// TestRefusedBodyIsNotRead: a body for which there is no memory stays with its
// sender.
func TestRefusedBodyIsNotRead(t *testing.T) {
	sent := &counting{Reader: strings.NewReader(strings.Repeat("x", 1<<20))}
	r := httptest.NewRequest("POST", "/", sent)
	r.ContentLength = 1 << 20
	full := errors.New("full")
	if _, err := ReadLargeBody(httptest.NewRecorder(), r, 2<<20, func(int) error { return full }); err != full {
		t.Errorf("error = %v, want the one of reserve", err)
	}
	if sent.read > SmallBody {
		t.Errorf("%d bytes were read", sent.read)
	}
}

// TestAnnouncedBodyTakesNoMemory: whoever announces a large body and sends
// little of it makes the gateway hold little.
func TestAnnouncedBodyTakesNoMemory(t *testing.T) {
	free := func(int) error { return nil }
	full := func(int) error { return errors.New("full") }
	for name, c := range map[string]struct {
		sent    int
		reserve func(int) error
	}{
		"a byte": {1, free}, "a byte, uncounted": {1, nil}, "what is free": {SmallBody, full}, "more, uncounted": {SmallBody + 1, nil},
	} {
		r := httptest.NewRequest("POST", "/", unannounced{strings.NewReader(strings.Repeat("x", c.sent))})
		r.ContentLength = MCPBody
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadLargeBody(httptest.NewRecorder(), r, MCPBody, c.reserve)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*SmallBody {
			t.Errorf("%s: reading took %d bytes (%v)", name, took, err)
		}
	}
}

// TestBodyEndIsSeen: a request whose body has been read notices when its
// client leaves.
func TestBodyEndIsSeen(t *testing.T) {
	for _, n := range []int{SmallBody, 1 << 20} {
		gone := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := ReadBody(w, r, 1<<20); err != nil {
				t.Error(err)
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			close(gone)
		}))
		res, err := http.Post(server.URL, "text/plain", strings.NewReader(strings.Repeat("x", n)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		<-gone
		server.Close()
	}
}
