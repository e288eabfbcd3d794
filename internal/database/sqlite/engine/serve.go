// Package engine reads one SQLite file in a process of its own: the worker.
// Nothing here runs in the gateway itself. A statement that takes too much, or
// a damaged file that leads the engine astray, ends this process alone.
package engine

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// The worker's own needs beside SQLite's.
const (
	goMemory = 64 << 20 // aimed at by the garbage collector
	goStack  = 64 << 20 // of one goroutine
	threads  = 2        // one for the statement, one to hear that it must stop
)

// Asked reports whether the arguments of this program ask for a worker.
func Asked(args []string) bool { return len(args) == 1 && args[0] == protocol.Command }

// Serve is the worker. It answers requests until there are no more, and ends
// the process at once when the gateway is gone.
func Serve() error {
	// The gateway ends its workers itself: a signal to all of its processes
	// must not cut statements off that it still lets finish.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	runtime.GOMAXPROCS(threads)
	debug.SetMemoryLimit(goMemory)
	debug.SetMaxStack(goStack)
	if err := limitProcess(); err != nil {
		return fmt.Errorf("limit the worker: %w", err)
	}
	h, err := newHandle()
	if err != nil {
		return err
	}
	go listen(h, os.Stderr)
	w := &worker{handle: h, out: protocol.NewWriter(os.Stdout)}
	return w.serve(bufio.NewReader(os.Stdin))
}

// listen stops the requests whose numbers come in from. It ends the process
// with from: nobody is left to answer.
func listen(h *handle, from io.Reader) {
	var number [8]byte
	for {
		if _, err := io.ReadFull(from, number[:]); err != nil {
			os.Exit(0)
		}
		h.interrupt(binary.LittleEndian.Uint64(number[:]))
	}
}

// worker answers requests with a handle.
type worker struct {
	handle  *handle
	out     *protocol.Writer
	renewed time.Time // when the limit of processor time was moved on
}

// renewAfter is how often the limit of processor time moves on, at most.
const renewAfter = 10 * time.Second

func (w *worker) serve(from io.Reader) error {
	for {
		r, err := protocol.ReadRequest(from)
		if err == io.EOF {
			w.handle.close()
			return nil
		}
		if err != nil {
			return err
		}
		if now := time.Now(); now.Sub(w.renewed) > renewAfter {
			if err := limitProcessorTime(); err != nil {
				return err
			}
			w.renewed = now
		}
		w.handle.begin(r.Number)
		if err := w.answer(r); err != nil {
			failure := &protocol.Error{Code: protocol.CodeError, Text: err.Error()}
			errors.As(err, &failure)
			w.out.Failure(failure)
		}
		if err := w.out.Flush(); err != nil {
			return err
		}
	}
}

func (w *worker) answer(r *protocol.Request) error {
	switch r.Op {
	case protocol.Open:
		w.out.Opened()
		if r.Flags&protocol.AtRest != 0 && inWriteAheadMode(r.Text) {
			return &protocol.Error{Code: protocol.CodeWriteAhead, Text: "the file is in write-ahead mode"}
		}
		if err := w.handle.open(r.Text, r.Flags&protocol.Immutable != 0); err != nil {
			return err
		}
		w.out.Tag(protocol.Done)
		return nil
	case protocol.Relations:
		return w.relations(r)
	case protocol.Run:
		return w.run(r)
	default:
		return fmt.Errorf("unknown request %q", byte(r.Op))
	}
}

func (w *worker) relations(r *protocol.Request) error {
	s, err := w.handle.statementFor(r.Text)
	if err != nil {
		return err
	}
	defer w.handle.done(s)
	list, err := w.handle.relationsOf(s)
	if err != nil {
		return err
	}
	w.out.List(list.names, list.identity)
	w.out.Tag(protocol.Done)
	return nil
}

// run runs one statement. A single statement on a read-only file is its own
// read transaction: it sees one state of the database and ends with its rows.
func (w *worker) run(r *protocol.Request) error {
	h := w.handle
	if r.Flags&protocol.Own != 0 {
		h.control().trusted = 1
		defer func() { h.control().trusted = 0 }()
		s, err := h.prepare(r.Text)
		if err != nil {
			return err
		}
		defer s.finalize()
		return w.rows(s, r)
	}
	s, err := h.statementFor(r.Text)
	if err != nil {
		return err
	}
	defer h.done(s)
	return w.rows(s, r)
}

func (w *worker) rows(s *statement, r *protocol.Request) error {
	more, err := s.step()
	if err != nil {
		return err
	}
	if r.Relations != 0 {
		// Only now the schema cannot change any more under the statement.
		if list, err := w.handle.relationsOf(s); err != nil {
			return err
		} else if list.identity != r.Relations {
			return errChanged()
		}
	}
	columns := s.columns(more)
	w.out.Columns(columns)
	for rows := uint32(0); more; rows++ {
		if rows == r.Rows {
			w.out.Tag(protocol.More)
			return nil
		}
		if err := w.row(s, len(columns)); err != nil {
			return err
		}
		if more, err = s.step(); err != nil {
			return err
		}
	}
	w.out.Tag(protocol.Done)
	return nil
}

// row sends a row, complete also where one of its values fails.
func (w *worker) row(s *statement, columns int) error {
	w.out.Tag(protocol.Row)
	var failure error
	for i := range columns {
		if err := s.write(w.out, i); err != nil {
			failure = err
		}
	}
	return failure
}
