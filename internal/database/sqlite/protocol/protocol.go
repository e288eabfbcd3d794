// Package protocol is the language between the gateway and the worker process
// that reads one SQLite file for it (docs/design/012-sqlite-worker.md).
//
// A worker has three pipes: requests on its standard input, answers on its
// standard output and, on its standard error turned round, the numbers of the
// requests that must stop. The gateway takes nothing in an answer for granted:
// a damaged file may have taken the worker over.
package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// Command is the argument that makes a program of the gateway a worker.
const Command = "sqlite-worker"

// Marker is set in a worker's environment. A program that finds it and still
// wants a worker is one that does not know [Command].
const Marker = "MCPGW_SQLITE_WORKER"

// Version is the first byte of the answer to [Open].
const Version = 0xA1

// These limits bound one statement.
const (
	MaxMemory   = 256 << 20 // bytes that SQLite allocates
	MaxTempDisk = 512 << 20 // bytes of temporary files together
)

// Bounds of what is read, before room is made for it.
const (
	maxText    = 1 << 20                       // bytes of a request's text
	maxName    = 1 << 20                       // bytes of a name or type
	maxMessage = 16 << 10                      // bytes of an error's text
	maxNames   = 4 << 20                       // bytes of all names of a result's columns
	maxColumns = 2_000                         // SQLite's own bound
	maxValue   = 2*database.MaxResultBytes + 1 // UTF-16 text of the longest value grows by half
	maxTables  = 100_000                       // relations of a statement
)

// Op is the kind of a request.
type Op byte

// The requests.
const (
	Open      Op = 'o' // open the file Text
	Run       Op = 'r' // run the statement Text and answer its rows
	Relations Op = 't' // say which tables and views the statement Text reads
)

// The bits of a request's flags.
const (
	// Immutable opens the file without locks, as one that nobody writes to.
	Immutable = 1 << iota
	// AtRest says that there is nothing beside the file: Open fails with
	// [CodeWriteAhead] for one in write-ahead mode, before it makes files there.
	AtRest
	// Own marks a statement of the gateway's own, which no list judges.
	Own
)

// Request is one request.
type Request struct {
	Op     Op
	Flags  byte
	Number uint64 // names the request where it has to stop; grows from 1
	Rows   uint32 // Run: rows that are sent at most
	// Relations is the identity of the list that an answer to [Relations] gave
	// for this statement: Run fails with [CodeChanged] when it is no longer
	// true. Zero means that nobody asked.
	Relations uint64
	Text      string
}

const headSize = 1 + 1 + 8 + 4 + 8

// Append appends the request's frame to dst.
func (r *Request) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(headSize+len(r.Text)))
	dst = append(dst, byte(r.Op), r.Flags)
	dst = binary.LittleEndian.AppendUint64(dst, r.Number)
	dst = binary.LittleEndian.AppendUint32(dst, r.Rows)
	dst = binary.LittleEndian.AppendUint64(dst, r.Relations)
	return append(dst, r.Text...)
}

// ReadRequest reads one request. It returns io.EOF when there is no more.
func ReadRequest(from io.Reader) (*Request, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n < headSize || n > headSize+maxText {
		return nil, fmt.Errorf("request of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(from, b); err != nil {
		return nil, err
	}
	return &Request{
		Op: Op(b[0]), Flags: b[1],
		Number:    binary.LittleEndian.Uint64(b[2:]),
		Rows:      binary.LittleEndian.Uint32(b[10:]),
		Relations: binary.LittleEndian.Uint64(b[14:]),
		Text:      string(b[headSize:]),
	}, nil
}

// Tag begins each part of an answer.
type Tag byte

// The parts of an answer. Open is answered by [Version] and Done, Run by
// Columns, any number of Row and Done or More, Relations by List and Done.
// Failed may come in the place of every part and ends the answer.
const (
	Columns Tag = 'c'
	Row     Tag = 'r'
	List    Tag = 'l'
	Done    Tag = 'd'
	More    Tag = 'm' // Done, with rows left out
	Failed  Tag = 'f'
)

// Class is the storage class of a value, https://sqlite.org/datatype3.html
type Class byte

// The classes, with SQLite's numbers.
const (
	Integer Class = 1 + iota
	Real
	Text
	Blob
	Null
)

// Value is one value of a row.
type Value struct {
	Class Class
	Int   int64   // of Integer
	Real  float64 // of Real
	Bytes []byte  // of Text and Blob, valid until the next part is read
}

// Column is one column of a result.
type Column struct {
	Name     string
	Declared string // the declared type, may be empty
	First    Class  // of the value in the first row, Null without one
}

// Error is an error that SQLite reported. Its text quotes SQL and names of the
// schema, never the file.
type Error struct {
	Code int32 // extended result code, https://sqlite.org/rescode.html
	Text string
}

func (e *Error) Error() string { return e.Text }

// Primary is the result code without its extension.
func (e *Error) Primary() int32 { return e.Code & 0xff }

// Result codes that the gateway tells apart. CodeChanged and CodeWriteAhead are
// no codes of SQLite's; see [Request] and [AtRest].
const (
	CodeError      = 1
	CodePerm       = 3
	CodeNoMemory   = 7
	CodeReadOnly   = 8
	CodeInterrupt  = 9
	CodeIO         = 10
	CodeCorrupt    = 11
	CodeFull       = 13
	CodeCantOpen   = 14
	CodeMisuse     = 21
	CodeAuth       = 23
	CodeNotADB     = 26
	CodeWriteAhead = 0xfd
	CodeChanged    = 0xfe
)

// errFormat says that an answer is none of this protocol.
var errFormat = errors.New("sqlite: the worker's answer makes no sense")
