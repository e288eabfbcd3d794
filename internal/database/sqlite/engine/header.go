package engine

import (
	"io"
	"os"
)

// The format's version for readers stands in this byte of a database's header,
// and is this number in write-ahead mode (https://sqlite.org/fileformat.html,
// section 1.3.3).
const (
	readVersion = 19
	writeAhead  = 2
)

// inWriteAheadMode looks into the header, and must be called before the engine
// opens the file: closing any handle of a file gives up the process's locks on
// it. A file that cannot be read is left to the engine to complain about.
func inWriteAheadMode(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var header [readVersion + 1]byte
	_, err = io.ReadFull(f, header[:])
	return err == nil && header[readVersion] == writeAhead
}
