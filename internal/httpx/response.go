package httpx

import (
	"net/http"
)

// response watches what is sent. It buffers nothing, and Unwrap lets
// http.ResponseController reach the connection.
type response struct {
	http.ResponseWriter
	status int // 0 until the header is sent
	bytes  int64
	err    error // what a handler noted, for the log line
}

// WriteHeader records the final status; 1xx are only passed on.
func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Flush is here for code that asserts http.Flusher instead of using a
// ResponseController.
func (w *response) Flush() {
	if err := http.NewResponseController(w.ResponseWriter).Flush(); err == nil && w.status == 0 {
		w.status = http.StatusOK
	}
}

// Unwrap returns the writer below.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// find returns the response that w is or wraps, nil outside of a Front.
func find(w http.ResponseWriter) *response {
	for {
		if found, ok := w.(*response); ok {
			return found
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapper.Unwrap()
	}
}

// Note puts err into the request's log line. The first one counts: it is the
// one that decided the answer. Doors with error shapes of their own (JSON-RPC,
// OAuth) call it beside writing their answer.
func Note(w http.ResponseWriter, err error) {
	if found := find(w); found != nil && found.err == nil {
		found.err = err
	}
}

func begun(w http.ResponseWriter) bool {
	found := find(w)
	return found != nil && found.status != 0
}
