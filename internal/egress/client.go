package egress

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// ErrTooLarge is what reading a response beyond its limit returns.
var ErrTooLarge = errors.New("response too large")

// ClientConfig sizes [NewClient].
type ClientConfig struct {
	Timeout time.Duration // for the whole exchange, body included; 0 means 5 s
	MaxBody int64         // bytes of a body after decompression; 0 means 64 KiB
}

// NewClient returns a client for URLs that users supply. It dials under the
// policy, uses no proxy of the environment (which would dial for it, beyond
// the policy), follows no redirect, and reads no more than it should.
func NewClient(policy Policy, cfg ClientConfig) *http.Client {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 64 << 10
	}
	return &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &capped{max: cfg.MaxBody, base: &http.Transport{
			DialContext:            NewDialer(policy, cfg.Timeout).DialContext,
			TLSHandshakeTimeout:    cfg.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           16,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		}},
	}
}

// capped limits the bodies of responses.
type capped struct {
	base *http.Transport
	max  int64
}

// RoundTrip refuses a body that announces too much at once, and others when
// they turn out so.
func (c *capped) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > c.max && r.Method != http.MethodHead {
		return nil, errors.Join(ErrTooLarge, resp.Body.Close())
	}
	resp.Body = &cappedBody{ReadCloser: resp.Body, left: c.max}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (c *capped) CloseIdleConnections() { c.base.CloseIdleConnections() }

type cappedBody struct {
	io.ReadCloser
	left int64 // negative once the limit was passed
}

// Read asks for one byte more than is left, to tell a body that ends at the
// limit from one that goes on.
func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
