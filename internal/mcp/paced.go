package mcp

import (
	"errors"
	"net/http"
	"time"
)

// paceBytes is how much must get through within one timeout.
const paceBytes = 256 << 10

// pacedWriter gives every piece of a response a deadline of its own: who stops
// reading is cut off, however large the response, and who reads slowly is not.
type pacedWriter struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	left    int // bytes under the present deadline
}

func (h *Handler) paced(w http.ResponseWriter) *pacedWriter {
	return &pacedWriter{w: w, rc: http.NewResponseController(w), timeout: h.cfg.WriteTimeout}
}

// Write writes all of b, piece by piece.
func (p *pacedWriter) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		if err := p.allow(); err != nil {
			return written, err
		}
		n, err := p.w.Write(b[written:min(written+p.left, len(b))])
		written, p.left = written+n, p.left-n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// allow sets the deadline of the next piece when the last one is out. A writer
// without deadlines (a test's recorder) has no slow reader.
func (p *pacedWriter) allow() error {
	if p.left > 0 {
		return nil
	}
	p.left = paceBytes
	if err := p.rc.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// renew begins another piece: what is written next may come much later.
func (p *pacedWriter) renew() { p.left = 0 }
