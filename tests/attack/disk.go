package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// watchDisk follows what a process and its children hold in files that have
// no name any more, as temporary files have. peak is the most seen so far.
func watchDisk(ctx context.Context, p *process.Process) (peak func() int64, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var most int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			size := namelessBytes(p.PID())
			mu.Lock()
			most = max(most, size)
			mu.Unlock()
			pause(ctx, 50*time.Millisecond)
		}
	}()
	read := func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return most
	}
	return read, func() {
		cancel()
		<-done
	}
}

// namelessBytes adds up the disk space of the open files without a name of a
// process and its children. A process that ends meanwhile counts nothing.
func namelessBytes(pid int) (size int64) {
	for _, pid := range append(childrenOf(pid), pid) {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink == 0 {
				size += stat.Blocks * 512
			}
		}
	}
	return size
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) (children []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ") // the name may hold spaces
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}
