//go:build !linux

package sqlite_test

// Only on Linux a test makes workers of another user.
const asNobody = "-"

func becomeNobody() {}
