package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
)

// ErrStillWorking is in the chain of a fault whose statement the server had not
// ended when its caller was answered.
var ErrStillWorking = errors.New("the server is still working on it")

// StillWorking returns f, and where cause has [ErrStillWorking] in its chain it
// tells people so and keeps it in the chain.
func StillWorking(f *fault.Error, cause error) error {
	if !errors.Is(cause, ErrStillWorking) {
		return f
	}
	return fault.Wrap(f.Kind, errors.Join(f.Cause, cause), f.Public+"; "+ErrStillWorking.Error())
}

// AllStuckFault refuses a call because every connection of the pool is held by
// a statement whose call is over.
func AllStuckFault() *fault.Error {
	return fault.New(fault.Unavailable, fmt.Sprintf(
		"%[1]d of %[1]d connections are held by statements that the server has not ended yet; try again later", MaxOpenConns))
}

// Work that the server has not ended is looked at after firstLook, then after
// twice the time, up to lastLook. After maxHold its place in the pool is given
// back in any case: the server may be gone for good, or hide its work from the
// login.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = 5 * time.Second
	maxHold   = time.Hour
)

// AwaitEnd asks again and again whether the server has ended a statement whose
// call is over, and returns when it has, when life ends, or after an hour.
func AwaitEnd(life context.Context, ended func() bool) {
	limit := time.NewTimer(maxHold)
	defer limit.Stop()
	for wait := firstLook; ; wait = min(2*wait, lastLook) {
		select {
		case <-time.After(wait):
		case <-limit.C:
			return
		case <-life.Done():
			return
		}
		if ended() {
			return
		}
	}
}
