// Package identity names who is asking: a [Principal] of a tenant with a live
// [Role]. It has no dependencies, so that every layer, and tools outside this
// module, can take a Principal as a parameter.
package identity

import (
	"errors"
	"fmt"
)

// TenantID is the UUID of a tenant in text form.
type TenantID string

// UserID is the UUID of a user in text form.
type UserID string

// Role is a rung of the one hierarchy viewer < analyst < admin.
// The zero Role is below viewer: it may do nothing.
type Role uint8

// The roles, lowest first.
const (
	None Role = iota
	Viewer
	Analyst
	Admin
)

// Roles lists the assignable roles, lowest first.
func Roles() []Role { return []Role{Viewer, Analyst, Admin} }

// ErrUnknownRole is what ParseRole wraps for a text that names no role.
var ErrUnknownRole = errors.New("unknown role")

// ParseRole reads "viewer", "analyst" or "admin".
func ParseRole(s string) (Role, error) {
	for _, r := range Roles() {
		if s == r.String() {
			return r, nil
		}
	}
	return None, fmt.Errorf("%w %q", ErrUnknownRole, s)
}

// String returns the wire name of the role, "" for None.
func (r Role) String() string {
	switch r {
	case Viewer:
		return "viewer"
	case Analyst:
		return "analyst"
	case Admin:
		return "admin"
	default:
		return ""
	}
}

// Allows reports whether a holder of r may do what needs min. Nobody (None)
// may do anything, not even what needs None.
func (r Role) Allows(min Role) bool { return r != None && r >= min }

// MarshalText writes the wire name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the wire name.
func (r *Role) UnmarshalText(b []byte) error {
	role, err := ParseRole(string(b))
	if err != nil {
		return err
	}
	*r = role
	return nil
}

// Principal is an authenticated caller, with the role and tenant state read
// from the store for this very request. The zero Principal is nobody.
type Principal struct {
	Tenant TenantID
	Slug   string // the tenant's slug
	User   UserID
	Email  string
	Role   Role // the live role, already capped by an API key's max_role

	// Auth says how the caller signed in, as audit records show it: "token",
	// "api_key:<prefix>", "oauth:<client_id>" or "session".
	Auth string
	// Credential identifies the credential itself (a key's id, a token's
	// family or jti, a session's id). It never holds a secret.
	Credential string

	// Config is the tenant's configuration version, read together with the
	// role. Whatever decides who may use which tool (connections, overrides)
	// raises it in the same transaction, on every replica at once.
	Config int64
}

// IsZero reports whether p is nobody.
func (p Principal) IsZero() bool { return p.User == "" || p.Tenant == "" || p.Role == None }
