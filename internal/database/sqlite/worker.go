package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// grace is how long a worker has to answer once its statement was stopped. It
// is killed afterwards: a single function of SQLite can compute for hours.
const grace = time.Second

// worker is a process that has one file open and runs one statement at a time.
// One goroutine uses it. Nothing that it says is taken for granted.
type worker struct {
	process *process
	in      *protocol.Reader
	out     []byte // the last request, for its room
	file    file
	room    int // bytes that our own statements may still return in this call

	number  atomic.Uint64 // of the last request
	stopped atomic.Bool   // no further request may begin, see watch
	broken  bool          // it did not answer as it should, or not at all
	used    bool          // it has answered a call before
	idle    time.Time     // since when it is idle
}

// errNotSent says that a request did not reach its worker, which is gone.
var errNotSent = errors.New("sqlite: the worker is gone")

// errNotHeard says that a worker was killed because it did not hear that it had
// to stop.
var errNotHeard = errors.New("sqlite: the worker did not hear its stop")

// startWorker starts a worker and lets it open the file, within ctx: a writer
// may hold the file locked.
func startWorker(ctx context.Context, command Command, f file) (*worker, error) {
	p, err := startProcess(command)
	if err != nil {
		return nil, database.ConnectFault(database.ErrOther, fmt.Errorf("start the sqlite worker: %w", err))
	}
	w := &worker{process: p, in: protocol.NewReader(p.answers), file: f, room: maxCatalogue}
	unwatch := w.watch(ctx)
	err = w.open(f)
	unwatch()
	if err == nil && w.broken {
		err = errNotHeard
	}
	if err != nil {
		return nil, w.end(err)
	}
	return w, nil
}

func (w *worker) open(f file) error {
	r := protocol.Request{Op: protocol.Open, Text: f.path}
	switch {
	case f.immutable:
		r.Flags = protocol.Immutable
	case f.settled():
		r.Flags = protocol.AtRest
	}
	if err := w.send(&r); err != nil {
		return err
	}
	if err := w.in.Opened(); err != nil {
		return w.failed(err)
	}
	return w.finish(w.in.Next())
}

// send sends a request, unless the worker's time is over.
func (w *worker) send(r *protocol.Request) error {
	r.Number = w.number.Add(1)
	if w.stopped.Load() {
		return &protocol.Error{Code: protocol.CodeInterrupt, Text: "interrupted"}
	}
	w.out = r.Append(w.out[:0])
	if _, err := w.process.requests.Write(w.out); err != nil {
		w.broken = true
		return errNotSent
	}
	return nil
}

// failed keeps in mind what an error means for the worker: one that is not
// SQLite's says that nothing more can be expected of it.
func (w *worker) failed(err error) error {
	if e := (*protocol.Error)(nil); !errors.As(err, &e) {
		w.broken = true
	}
	return err
}

// finish makes an error of a part that is not the end of an answer.
func (w *worker) finish(tag protocol.Tag, err error) error {
	if err == nil && tag != protocol.Done && tag != protocol.More {
		err = fmt.Errorf("sqlite: the worker sent %q where its answer had to end", byte(tag))
	}
	if err != nil {
		return w.failed(err)
	}
	return nil
}

// begin sends a request and reads the part that its answer must begin with.
func (w *worker) begin(r *protocol.Request, want protocol.Tag) error {
	if err := w.send(r); err != nil {
		return err
	}
	tag, err := w.in.Next()
	if err == nil && tag != want {
		err = fmt.Errorf("sqlite: the worker's answer begins with %q", byte(tag))
	}
	if err != nil {
		return w.failed(err)
	}
	return nil
}

// relations asks which tables and views a statement reads.
func (w *worker) relations(sql string) (relations, error) {
	if err := w.begin(&protocol.Request{Op: protocol.Relations, Text: sql}, protocol.List); err != nil {
		return relations{}, err
	}
	names, identity, err := w.in.List()
	if err != nil {
		return relations{}, w.failed(err)
	}
	return relations{names, identity}, w.finish(w.in.Next())
}

// query runs a statement of a caller's.
func (w *worker) query(sql string, identity uint64, limit database.Limit) (*tool.Table, error) {
	defer w.in.Forget()
	r := protocol.Request{Op: protocol.Run, Rows: uint32(limit.Rows), Relations: identity, Text: sql}
	if err := w.begin(&r, protocol.Columns); err != nil {
		return nil, err
	}
	described, err := w.in.Columns()
	if err != nil {
		return nil, w.failed(err)
	}
	shown, columns := describe(described)
	table := limit.NewTable(shown)
	for {
		tag, err := w.in.Next()
		if err == nil && tag == protocol.Row && table.Len() < limit.Rows && len(columns) > 0 {
			if full, err := w.row(table, columns); err != nil || full {
				return table, err
			}
			continue
		}
		if err := w.finish(tag, err); err != nil {
			return nil, err
		}
		if tag == protocol.More {
			table.MarkCut(tool.RowLimit)
		}
		return table, nil
	}
}

// row adds a row to the table. When the table takes no more, the statement is
// stopped.
func (w *worker) row(table *tool.Table, columns []column) (full bool, err error) {
	w.in.BeginRow(len(columns))
	fits, err := table.Row(func(dst []byte, i int) ([]byte, error) {
		v, err := w.in.Value()
		if err != nil {
			return dst, w.failed(err)
		}
		return appendCell(dst, v, columns[i]), nil
	})
	if fits || w.broken {
		return false, err
	}
	w.cut(len(columns))
	return true, err
}

// cut stops the running statement and passes over what it has already sent.
func (w *worker) cut(columns int) {
	timer := time.AfterFunc(grace, w.process.kill)
	w.interrupt()
	err := w.in.Skip()
	for err == nil {
		var tag protocol.Tag
		if tag, err = w.in.Next(); err != nil || tag != protocol.Row {
			err = w.finish(tag, err)
			break
		}
		w.in.BeginRow(columns)
		err = w.in.Skip()
	}
	if !timer.Stop() && err == nil {
		err = errNotHeard // all of the answer had come before
	}
	if err != nil {
		_ = w.failed(err) // the result is complete; only the worker may be lost
	}
}

// watch makes the end of ctx stop the running statement and keep others from
// beginning. The returned function ends the watch.
func (w *worker) watch(ctx context.Context) (unwatch func()) {
	finished, left := make(chan struct{}), make(chan struct{})
	killed := false
	unhook := context.AfterFunc(ctx, func() {
		defer close(left)
		w.stopped.Store(true)
		timer := time.AfterFunc(grace, w.process.kill)
		w.interrupt()
		<-finished
		killed = !timer.Stop()
	})
	return func() {
		close(finished)
		if !unhook() {
			<-left
			w.stopped.Store(false)
			w.broken = w.broken || killed
		}
	}
}

// interrupt asks the worker to stop its statement. It cannot stop a later one:
// the number goes with it. It blocks when a worker never reads what it has to
// stop, until the worker is killed: the caller sees to that first.
func (w *worker) interrupt() {
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], w.number.Load())
	// A worker that cannot be asked is gone, or is killed.
	_, _ = w.process.control.Write(number[:])
}

// end ends a worker after err and tells what became of it, when that is the
// reason.
func (w *worker) end(err error) error {
	if !w.broken {
		w.process.close()
		return err
	}
	w.process.kill()
	state := w.process.close()
	if known := (*fault.Error)(nil); errors.As(err, &known) {
		return err
	}
	return &errDied{state: state, cause: err}
}

// errDied says that a worker ended, or was ended, before it had answered.
type errDied struct {
	state string // as the system tells it
	cause error  // may be nil
}

func (e *errDied) Error() string {
	return fmt.Sprintf("the sqlite worker was lost: %s: %v", e.state, e.cause)
}

func (e *errDied) Unwrap() error { return e.cause }
