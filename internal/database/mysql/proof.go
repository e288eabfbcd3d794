package mysql

import (
	"bytes"
	"errors"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// The schemes by which a password is proven, as servers name them.
const (
	nativePassword = "mysql_native_password"
	oldPassword    = "mysql_old_password"
	sha2Password   = "caching_sha2_password"
	sha256Password = "sha256_password"
	ed25519        = "client_ed25519"
)

// nativeRule is the option allowNativePasswords.
type nativeRule uint8

const (
	nativeUnlessBetter nativeRule = iota // the default: until the login was proven without it
	nativeAlways
	nativeNever
)

// proofs decides by which schemes a connection proves its password to a server
// that has not proven itself (contract 15.2 A4). The answer to
// mysql_native_password is a fast SHA-1 of the password, and anybody who has
// the server's table of accounts can log in with it elsewhere. The scheme is
// the server's choice, so that a first server cannot be judged; one that asks
// for it where the login has been proven without is another server, or has
// been made weaker.
type proofs struct {
	native nativeRule
	proven bool        // a certificate is checked before anything is sent
	better atomic.Bool // a login has succeeded without mysql_native_password
}

// Reasons not to prove the password.
var (
	errNative     = errors.New("server asks for mysql_native_password")
	errFirstProof = errors.New("server begins with an unknown authentication plug-in")
)

// check judges the scheme that a server asks for. A greeting with one that the
// driver does not know is refused because the driver would answer it, unasked,
// with mysql_native_password.
func (p *proofs) check(scheme string, greeting bool) error {
	switch scheme {
	case nativePassword:
		if !p.proven && (p.native == nativeNever || p.native == nativeUnlessBetter && p.better.Load()) {
			return errNative
		}
	case sha2Password, sha256Password, ed25519:
	default:
		if greeting && !p.proven && p.native != nativeAlways {
			return errFirstProof
		}
	}
	return nil
}

// loggedIn keeps in mind that the server can do without the weaker scheme.
func (p *proofs) loggedIn(w *wire) {
	if !w.native {
		p.better.Store(true)
	}
}

// schemeOfGreeting returns the scheme that a checked greeting names, as the
// driver reads it.
func schemeOfGreeting(payload []byte) string {
	rest := payload[bytes.IndexByte(payload, 0)+1+greetingRest:]
	name, _, _ := bytes.Cut(rest, []byte{0})
	if len(name) == 0 {
		return nativePassword // the driver's default
	}
	return string(name)
}

// schemeOfSwitch returns the scheme that a checked request for another one
// names; an empty request is that of the oldest.
func schemeOfSwitch(payload []byte) string {
	name, _, _ := bytes.Cut(payload[1:], []byte{0})
	if len(name) == 0 {
		return oldPassword
	}
	return string(name)
}

// proofFault says why this side declined to prove the password in the way that
// the server wanted, nil when it did not.
func proofFault(err error) error {
	var words string
	switch {
	case errors.Is(err, errNative):
		words = "the server asks for mysql_native_password, which this connection does not answer here: " +
			"use ssl-mode=verify-identity, or allowNativePasswords=true if the account uses it"
	case errors.Is(err, errSHA256):
		words = "the login uses sha256_password, which is not supported: let it use caching_sha2_password"
	case errors.Is(err, errServerKey):
		words = "the server wants the password itself, which is sent through TLS only, so the password may be right: " +
			"use ssl-mode=required or stricter, and a server with TLS"
	case errors.Is(err, errFirstProof), errors.Is(err, mysql.ErrCleartextPassword),
		errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrUnknownPlugin):
		words = "the server asks for a kind of authentication that is not supported: " +
			"let the login use caching_sha2_password, ed25519 or mysql_native_password"
	default:
		return nil
	}
	return database.ConnectFault(database.ErrAuthentication+": "+words, err)
}
