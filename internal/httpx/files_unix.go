//go:build unix

package httpx

import "syscall"

// fileLimit is how many files the process may open, 0 when nobody knows.
func fileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}
