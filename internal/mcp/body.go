package mcp

import (
	"context"
	"net/http"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
)

// maxMessageValues is how many JSON values one POST body may hold. It lets a
// tool take a table of 4,500 rows with 20 columns, and bounds the memory of
// any shape: at the most, in 50,000 objects of one member, they decode to 38 MB.
const maxMessageValues = 100_000

// smallDecoded is how much memory a decoded message may take without being
// counted.
const smallDecoded = 64 << 10

var errTooManyValues = invalidRequest("The message holds more than " + strconv.Itoa(maxMessageValues) + " JSON values")

// body is what a POST brought, with the place and the memory that it takes.
type body struct {
	text  []byte
	held  []func()  // give them back
	place [3]func() // is where held is kept
}

// free gives the memory back. Nothing may use the text, or a message in it,
// any more. A nil body has none.
func (b *body) free() {
	if b == nil {
		return
	}
	for _, release := range b.held {
		release()
	}
	b.text, b.held = nil, nil
}

// take takes memory for the body until it is freed.
func (b *body) take(ctx context.Context, m Memory, p *identity.Principal, bytes int) error {
	if m == nil {
		return nil
	}
	release, err := m.Acquire(ctx, string(p.Tenant), string(p.User), bytes)
	if err == nil {
		b.held = append(b.held, release)
	}
	return err
}

// readBody reads the body of a request that p makes, and counts the request
// until the body is freed. A large body takes its memory before it is read, so
// that many of them do not arrive at once.
func (h *Handler) readBody(w http.ResponseWriter, v *visit, p *identity.Principal) (*body, error) {
	uncount, err := h.requests.add(p)
	if err != nil {
		return nil, err
	}
	b := &body{}
	b.held = append(b.place[:0], uncount)
	text, err := httpx.ReadLargeBody(w, v.r, httpx.MCPBody, func(bytes int) error {
		return b.take(v.r.Context(), h.cfg.Bodies, p, bytes)
	})
	if err != nil {
		b.free()
		return nil, err
	}
	b.text = text
	return b, nil
}

// parseBody reads the messages in the body, for which it takes the memory
// first. The error is a refusal of the memory.
func (h *Handler) parseBody(ctx context.Context, b *body, p *identity.Principal) (msgs []message, batch bool, refusal *rpcError, err error) {
	size, refusal := measureBody(b.text)
	if refusal != nil {
		return nil, false, refusal, nil
	}
	if decoded := size.Decoded(); decoded > smallDecoded {
		if err := b.take(ctx, h.cfg.Decoded, p, decoded); err != nil {
			return nil, false, nil, err
		}
	}
	msgs, batch, refusal = h.parsers.decode(b.text)
	return msgs, batch, refusal, nil
}

// measureBody counts the contents of a body before it is decoded.
func measureBody(text []byte) (jsonbound.Size, *rpcError) {
	size, err := jsonbound.Measure(text, maxMessageValues)
	switch err {
	case nil:
		return size, nil
	case jsonbound.ErrDepth:
		return size, errTooDeep
	case jsonbound.ErrValues:
		return size, errTooManyValues
	default:
		return size, invalidRequest("The message is refused: " + err.Error())
	}
}
