package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// userOut is UserOut of contract 3.3.
type userOut struct {
	ID          identity.UserID `json:"id"`
	Email       string          `json:"email"`
	Role        identity.Role   `json:"role"`
	Active      bool            `json:"is_active"`
	Provider    string          `json:"auth_provider"`
	CreatedAt   time.Time       `json:"created_at"`
	LastLoginAt *time.Time      `json:"last_login_at"`
}

func outUser(u store.User) userOut {
	return userOut{
		ID: u.ID, Email: u.Email, Role: u.Role, Active: u.Active, Provider: u.Provider,
		CreatedAt: u.CreatedAt, LastLoginAt: orNull(u.LastLoginAt),
	}
}

func (s *server) listUsers(ctx context.Context, c *call) ([]userOut, error) {
	page, err := c.page(listDefault, listCap)
	if err != nil {
		return nil, err
	}
	users, err := c.scope().Users(ctx, page)
	return list(users, outUser), err
}

type userIn struct {
	Email    string  `json:"email"`
	Password string  `json:"password" minLength:"12"`
	Role     *string `json:"role,omitempty" nullable:"true" enum:"viewer,analyst,admin" default:"viewer"`
}

func (in *userIn) check() []httpx.Problem {
	return slices.Concat(checkEmail(&in.Email, "email"), checkPassword(in.Password, "password"))
}

func (s *server) createUser(ctx context.Context, c *call, in userIn) (userOut, error) {
	role := identity.Viewer
	if in.Role != nil {
		role = parseRole(*in.Role)
	}
	hash, err := s.Passwords.Hash(ctx, in.Password)
	if err != nil {
		return userOut{}, err
	}
	var user store.User
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		var err error
		user, err = tx.CreateUser(ctx, store.NewUser{Email: in.Email, PasswordHash: hash, Role: role, Provider: store.LocalAccount})
		tx.Record(c.event(c.route.event, map[string]any{"target_user_id": user.ID, "role": role, "auth_provider": user.Provider}))
		return err
	})
	return outUser(user), invalidInstead(err)
}

type userPatch struct {
	Role     *string `json:"role,omitempty" nullable:"true" enum:"viewer,analyst,admin"`
	Active   *bool   `json:"is_active,omitempty" nullable:"true"`
	Password *string `json:"password,omitempty" nullable:"true" minLength:"12" doc:"A new password, set by an admin."`
}

func (in *userPatch) check() []httpx.Problem {
	if in.Password != nil {
		if problems := checkPassword(*in.Password, "password"); problems != nil {
			return problems
		}
	}
	return atLeastOne(in.Role != nil || in.Active != nil || in.Password != nil)
}

func (s *server) updateUser(ctx context.Context, c *call, in userPatch) (userOut, error) {
	id := identity.UserID(c.id())
	if err := notOneself(c, id, in); err != nil {
		return userOut{}, err
	}
	hash, err := s.newPassword(ctx, c, id, in.Password)
	if err != nil {
		return userOut{}, err
	}
	var user store.User
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		change := userChange{call: c, tx: tx}
		if change.user, err = tx.User(ctx, id); err != nil {
			return err
		}
		if err := change.apply(ctx, in, hash); err != nil {
			return err
		}
		user, err = tx.User(ctx, id)
		return err
	})
	return outUser(user), err
}

// notOneself keeps an admin from locking themselves out, and so a tenant from
// losing its last admin. A key does not set its owner's password either: a
// sign-in with that password would outlive the key (contract 2.4).
func notOneself(c *call, id identity.UserID, in userPatch) error {
	switch {
	case id != c.who.User:
		return nil
	case in.Role != nil:
		return fault.New(fault.Invalid, "Cannot change your own role")
	case in.Active != nil && !*in.Active:
		return fault.New(fault.Invalid, "Cannot disable your own account")
	case in.Password != nil && c.byKey():
		return fault.New(fault.Invalid, "Cannot set your own password with an API key")
	default:
		return nil
	}
}

// newPassword hashes before the transaction begins: hashing is slow, and a
// transaction of SQLite is alone.
func (s *server) newPassword(ctx context.Context, c *call, id identity.UserID, password *string) (string, error) {
	if password == nil {
		return "", nil
	}
	user, err := c.scope().User(ctx, id)
	if err != nil {
		return "", err
	}
	if user.Provider != store.LocalAccount {
		return "", auth.ErrNoPassword()
	}
	return s.Passwords.Hash(ctx, *password)
}

// userChange applies the parts of a PATCH, each with its own record.
type userChange struct {
	*call
	tx   *store.Tx
	user store.User
}

func (u *userChange) apply(ctx context.Context, in userPatch, hash string) error {
	if in.Role != nil {
		if err := u.setRole(ctx, parseRole(*in.Role)); err != nil {
			return err
		}
	}
	if in.Active != nil {
		if err := u.setActive(ctx, *in.Active); err != nil {
			return err
		}
	}
	if hash == "" {
		return nil
	}
	u.record("user.password_changed", "by", u.who.User)
	return u.tx.SetUserPassword(ctx, u.user.ID, hash, "")
}

func (u *userChange) setRole(ctx context.Context, role identity.Role) error {
	if role == u.user.Role {
		return nil
	}
	u.tx.Record(u.event("user.role_updated", map[string]any{"target_user_id": u.user.ID, "new_role": role, "source": "admin"}))
	return u.tx.SetUserRole(ctx, u.user.ID, role)
}

// setActive also disables whom the group sync has disabled: only then the
// account stays closed when a group comes back (contract 5.2, Provisioning).
func (u *userChange) setActive(ctx context.Context, active bool) error {
	switch {
	case active && u.user.Active, !active && u.user.DisabledBy == store.ByAdmin:
		return nil
	case active:
		u.record("user.enabled", "source", "admin")
		return u.tx.EnableUser(ctx, u.user.ID)
	default:
		u.record("user.disabled", "source", "admin")
		return u.tx.DisableUser(ctx, u.user.ID, store.ByAdmin)
	}
}

func (u *userChange) record(event, key string, value any) {
	u.tx.Record(u.event(event, map[string]any{"target_user_id": u.user.ID, key: value}))
}

func (s *server) deleteUser(ctx context.Context, c *call) (none, error) {
	id := identity.UserID(c.id())
	if id == c.who.User {
		return none{}, fault.New(fault.Invalid, "Cannot delete your own account")
	}
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		tx.Record(c.event(c.route.event, map[string]any{"target_user_id": id}))
		return tx.DeleteUser(ctx, id)
	})
	if err == nil || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Canceled) {
		return none{}, err
	}
	return none{}, &storageFault{text: "Failed to delete user", cause: err}
}

// storageFault is a failure of the gateway's own whose text the contract names.
type storageFault struct {
	text  string
	cause error
}

func (f *storageFault) Error() string { return f.text + ": " + f.cause.Error() }
func (f *storageFault) Unwrap() error { return f.cause }

func (f *storageFault) answer(w http.ResponseWriter, r *http.Request) error {
	httpx.Note(w, f)
	return httpx.Write(w, http.StatusInternalServerError, map[string]string{"detail": f.text, "request_id": httpx.RequestID(r.Context())})
}
