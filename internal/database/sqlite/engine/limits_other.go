//go:build !linux

package engine

// limitProcess has nothing to lower: on these systems the limits of the Go
// runtime, of SQLite's memory and of its temporary files are all there is.
func limitProcess() error { return nil }

// limitProcessorTime leaves the time to the gateway, which ends statements.
func limitProcessorTime() error { return nil }
