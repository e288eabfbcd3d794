package engine

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// Limits of the process. They are the second line: SQLite's own limits come
// first and let the worker live on.
const (
	goRoom        = 192 << 20 // bytes of memory beside SQLite's
	maxFiles      = 128
	processorTime = 90    // seconds from now; the gateway ends a statement long before
	oomScore      = "500" // of 1000: when memory runs out, workers go before the gateway
)

// limitProcess lowers what this process may take from the system.
func limitProcess() error {
	data, err := writableMemory()
	if err != nil {
		return err
	}
	for _, l := range []struct {
		resource int
		most     uint64
	}{
		// Private writable memory counts. Address space would not do: the Go
		// runtime reserves far more than it uses.
		{syscall.RLIMIT_DATA, data + protocol.MaxMemory + goRoom},
		{syscall.RLIMIT_FSIZE, protocol.MaxTempDisk},
		{syscall.RLIMIT_NOFILE, maxFiles},
		{syscall.RLIMIT_CORE, 0},
	} {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return err
		}
	}
	// A file at its limit is an error of the statement, not the worker's end.
	signal.Ignore(syscall.SIGXFSZ)
	// Without /proc, or in a container that forbids it, the limits still hold.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)
	return nil
}

// limitProcessorTime lets the process compute for so long from now on.
func limitProcessorTime() error {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	most := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_CPU, &most); err != nil {
		return err
	}
	most.Cur = min(uint64(used.Utime.Sec+used.Stime.Sec)+processorTime, most.Max)
	return syscall.Setrlimit(syscall.RLIMIT_CPU, &most)
}

// writableMemory is the private writable memory of the process so far, bytes.
func writableMemory() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmData:")); ok {
			kb, err := strconv.ParseUint(string(bytes.Fields(rest)[0]), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmData in /proc/self/status")
}
