//go:build !unix

package httpx

// fileLimit is how many files the process may open, 0 when nobody knows.
func fileLimit() uint64 { return 0 }
