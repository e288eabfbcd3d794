// Package fault is the one error type that crosses layers: a kind that the
// doors map to a status, a public text that a caller may read, and a cause
// that only the log sees.
package fault

import (
	"errors"
	"time"
)

// Kind classifies an error for the doors (HTTP status, JSON-RPC code, OAuth
// error). Each door has one table from Kind to its own codes.
type Kind uint8

// The kinds. Internal is the zero Kind: an error nobody classified.
const (
	Internal        Kind = iota // 500, the public text is never shown
	Invalid                     // 400, the request cannot be served as sent
	Unprocessable               // 422, a field failed validation
	Unauthenticated             // 401
	Forbidden                   // 403
	NotFound                    // 404
	Conflict                    // 409
	TooLarge                    // 413
	RateLimited                 // 429, see RetryAfter
	BadGateway                  // 502, an upstream answered wrongly
	Unavailable                 // 503, a dependency is down
	Timeout                     // 504 or a tool's own text
	Canceled                    // the caller went away
)

// Error is an error with a kind and a text for the caller.
type Error struct {
	Kind       Kind
	Public     string        // safe to show: no secret, host, path or driver text
	Field      string        // the request field at fault, for Unprocessable
	RetryAfter time.Duration // for RateLimited and Unavailable, 0 if unknown
	Cause      error         // logged once at the door, never shown
}

// New returns an error without a cause.
func New(kind Kind, public string) *Error { return &Error{Kind: kind, Public: public} }

// Wrap returns an error that shows public and logs cause.
func Wrap(kind Kind, cause error, public string) *Error {
	return &Error{Kind: kind, Public: public, Cause: cause}
}

// Field returns an Unprocessable error about one request field.
func Field(field, public string) *Error {
	return &Error{Kind: Unprocessable, Public: public, Field: field}
}

// Error returns the public text and the cause, for logs.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Public
	}
	return e.Public + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Of returns the outermost *Error in err's chain, or an Internal one around
// err. It returns nil for a nil err.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Public: "Internal Server Error", Cause: err}
}

// KindOf returns the kind of err.
func KindOf(err error) Kind { return Of(err).Kind }

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
