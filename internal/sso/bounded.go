package sso

import (
	"bytes"
	"io"
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
)

// maxAnswerValues is how many JSON values an answer of a provider may hold, and
// the claims of a token. A page of 999 groups has 4,000.
const maxAnswerValues = 20_000

// Bounded returns a client that takes an answer only when its contents are
// within bounds: what reads it decodes whatever it holds. An answer beyond
// them counts as none. The given client bounds the bytes.
func Bounded(client *http.Client) *http.Client {
	c := *client
	c.Transport = boundedTransport{transportOf(client)}
	return &c
}

func transportOf(client *http.Client) http.RoundTripper {
	if client.Transport == nil {
		return http.DefaultTransport
	}
	return client.Transport
}

type boundedTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err // of other answers only the status counts
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if _, err := jsonbound.Measure(body, maxAnswerValues); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t boundedTransport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
