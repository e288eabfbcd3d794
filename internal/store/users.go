package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// The ways a user signs in (users.auth_provider).
const (
	LocalAccount = "local"
	EntraAccount = "entra"
	OIDCAccount  = "oidc"
)

// Who disabled a user (users.disabled_by).
const (
	ByAdmin = "admin"
	BySync  = "sync"
)

// User is an account of one tenant.
type User struct {
	ID           identity.UserID
	Tenant       identity.TenantID
	Email        string
	PasswordHash string // empty when the user signs in through SSO
	Role         identity.Role
	Active       bool
	DisabledBy   string // ByAdmin or BySync, empty while active
	Provider     string // LocalAccount, EntraAccount or OIDCAccount
	Subject      string // the provider's own identifier
	Epoch        int64  // raised to end all tokens of the user
	LastSyncAt   time.Time
	LastLoginAt  time.Time
	CreatedAt    time.Time
}

const (
	userMissing = "User not found"
	emailTaken  = "Email already registered in this tenant"
)

func userOf(r db.User) User {
	return User{
		ID: identity.UserID(r.ID), Tenant: identity.TenantID(r.TenantID), Email: r.Email, PasswordHash: r.HashedPassword,
		Role: role(r.Role), Active: r.IsActive, DisabledBy: r.DisabledBy, Provider: r.AuthProvider, Subject: r.EntraOid,
		Epoch: r.SessionEpoch, LastSyncAt: moment(r.LastSyncAt), LastLoginAt: moment(r.LastLoginAt), CreatedAt: moment(r.CreatedAt),
	}
}

// NewUser is an account to be.
type NewUser struct {
	Email        string // already in lower case
	PasswordHash string
	Role         identity.Role
	Provider     string // LocalAccount when empty
	Subject      string
	SyncedAt     time.Time
}

// LoginCandidate is an account that a password may open, with its tenant.
type LoginCandidate struct {
	User
	TenantSlug   string
	TenantName   string
	TenantActive bool
}

// maxCandidates bounds the accounts that one sign-in without a tenant tries:
// each costs a password hash. The oldest are tried, so that whoever registers
// somebody's e-mail elsewhere does not block their sign-in (contract 15.2 A16).
const maxCandidates = 10

// LoginCandidates finds the accounts with this e-mail: in the tenant of the
// slug, an SSO account included, or those with a password in every tenant when
// slug is empty (contract 2.4).
func (d *DB) LoginCandidates(ctx context.Context, email, slug string) ([]LoginCandidate, error) {
	var rows []db.LoginCandidatesRow
	var err error
	if slug == "" {
		rows, err = d.reads.LoginCandidates(ctx, db.LoginCandidatesParams{Email: email, Limit: maxCandidates})
	} else {
		var at []db.LoginCandidateAtRow
		at, err = d.reads.LoginCandidateAt(ctx, db.LoginCandidateAtParams{Slug: slug, Email: email})
		for _, r := range at {
			rows = append(rows, db.LoginCandidatesRow(r))
		}
	}
	if err != nil {
		return nil, d.fault("login candidates", err)
	}
	found := make([]LoginCandidate, 0, len(rows))
	for _, r := range rows {
		found = append(found, candidateOf(r))
	}
	return found, nil
}

func candidateOf(r db.LoginCandidatesRow) LoginCandidate {
	return LoginCandidate{
		User: userOf(db.User{
			ID: r.ID, TenantID: r.TenantID, Email: r.Email, HashedPassword: r.HashedPassword, Role: r.Role,
			IsActive: r.IsActive, DisabledBy: r.DisabledBy, AuthProvider: r.AuthProvider, EntraOid: r.EntraOid,
			SessionEpoch: r.SessionEpoch, LastSyncAt: r.LastSyncAt, LastLoginAt: r.LastLoginAt, CreatedAt: r.CreatedAt,
		}),
		TenantSlug: r.Slug, TenantName: r.Name, TenantActive: r.TenantActive,
	}
}

// User reads one user.
func (s Scope) User(ctx context.Context, id identity.UserID) (User, error) {
	row, err := s.db.reads.GetUser(ctx, db.GetUserParams{TenantID: s.tenant, ID: string(id)})
	return userOf(row), s.db.found("user", err, userMissing)
}

// UserByEmail reads the user with this e-mail.
func (s Scope) UserByEmail(ctx context.Context, email string) (User, error) {
	row, err := s.db.reads.GetUserByEmail(ctx, db.GetUserByEmailParams{TenantID: s.tenant, Email: email})
	return userOf(row), s.db.found("user by e-mail", err, userMissing)
}

// UserBySubject reads the user whom a provider knows by this identifier.
func (s Scope) UserBySubject(ctx context.Context, provider, subject string) (User, error) {
	row, err := s.db.reads.GetUserBySubject(ctx, db.GetUserBySubjectParams{TenantID: s.tenant, AuthProvider: provider, EntraOid: subject})
	return userOf(row), s.db.found("user by subject", err, userMissing)
}

// Users lists users by creation time, then id.
func (s Scope) Users(ctx context.Context, page Page) ([]User, error) {
	limit, offset := page.bounds()
	rows, err := s.db.reads.ListUsers(ctx, db.ListUsersParams{TenantID: s.tenant, Limit: limit, Offset: offset})
	if err != nil {
		return nil, s.db.fault("list users", err)
	}
	users := make([]User, 0, len(rows))
	for _, r := range rows {
		users = append(users, userOf(r))
	}
	return users, nil
}

// User reads one user and keeps others from changing it until the transaction
// ends.
func (tx *Tx) User(ctx context.Context, id identity.UserID) (User, error) {
	row, err := tx.q.LockUser(ctx, db.LockUserParams{TenantID: tx.tenant, ID: string(id)})
	return userOf(row), tx.db.found("lock user", err, userMissing)
}

// CreateUser stores a user. A taken e-mail is a Conflict with Field "email", a
// taken SSO identity one with Field "subject".
func (tx *Tx) CreateUser(ctx context.Context, n NewUser) (User, error) {
	tx.changed = true
	if n.Provider == "" {
		n.Provider = LocalAccount
	}
	id, err := tx.q.InsertUser(ctx, db.InsertUserParams{
		ID: newID(), TenantID: tx.tenant, Email: n.Email, HashedPassword: n.PasswordHash, Role: n.Role.String(),
		AuthProvider: n.Provider, EntraOid: n.Subject, LastSyncAt: micros(n.SyncedAt), CreatedAt: micros(tx.now),
	})
	err = tx.db.found("insert user", err, emailTaken)
	if fault.Is(err, fault.NotFound) {
		return User{}, tx.userTaken(ctx, n)
	}
	if err != nil {
		return User{}, err
	}
	return tx.User(ctx, identity.UserID(id))
}

// userTaken says which unique value of n another user holds.
func (tx *Tx) userTaken(ctx context.Context, n NewUser) error {
	_, err := tx.q.GetUserByEmail(ctx, db.GetUserByEmailParams{TenantID: tx.tenant, Email: n.Email})
	err = tx.db.found("user by e-mail", err, userMissing)
	if fault.Is(err, fault.NotFound) {
		return taken("subject", "This identity already has an account in this tenant")
	}
	if err != nil {
		return err
	}
	return taken("email", emailTaken)
}

// SetUserRole sets the role, which counts from the user's next request.
func (tx *Tx) SetUserRole(ctx context.Context, id identity.UserID, r identity.Role) error {
	tx.changed = true
	n, err := tx.q.SetUserRole(ctx, db.SetUserRoleParams{TenantID: tx.tenant, ID: string(id), Role: r.String()})
	return tx.db.changed("set user role", n, err, userMissing)
}

// SetUserEmail sets the e-mail that a provider reports. A taken one is a
// Conflict with Field "email".
func (tx *Tx) SetUserEmail(ctx context.Context, id identity.UserID, email string) error {
	tx.changed = true
	n, err := tx.q.SetUserEmail(ctx, db.SetUserEmailParams{TenantID: tx.tenant, ID: string(id), Email: email})
	err = tx.db.changed("set user e-mail", n, err, userMissing)
	if fault.Is(err, fault.Conflict) {
		return taken("email", emailTaken)
	}
	return err
}

// DisableUser closes the account and ends its sessions and tokens. by is
// ByAdmin or BySync.
func (tx *Tx) DisableUser(ctx context.Context, id identity.UserID, by string) error {
	tx.changed = true
	n, err := tx.q.DisableUser(ctx, db.DisableUserParams{TenantID: tx.tenant, ID: string(id), DisabledBy: by})
	if err := tx.db.changed("disable user", n, err, userMissing); err != nil {
		return err
	}
	return tx.endAccess(ctx, id, "")
}

// EnableUser opens the account again.
func (tx *Tx) EnableUser(ctx context.Context, id identity.UserID) error {
	tx.changed = true
	n, err := tx.q.EnableUser(ctx, db.EnableUserParams{TenantID: tx.tenant, ID: string(id)})
	return tx.db.changed("enable user", n, err, userMissing)
}

// SetUserPassword stores a new password hash and ends all tokens of the user
// and all sessions but keepSession (contract 2.4).
func (tx *Tx) SetUserPassword(ctx context.Context, id identity.UserID, hash, keepSession string) error {
	tx.changed = true
	n, err := tx.q.SetUserPassword(ctx, db.SetUserPasswordParams{TenantID: tx.tenant, ID: string(id), HashedPassword: hash})
	if err := tx.db.changed("set password", n, err, userMissing); err != nil {
		return err
	}
	return tx.endAccess(ctx, id, keepSession)
}

// endAccess ends the user's token families and all sessions but keepSession.
func (tx *Tx) endAccess(ctx context.Context, id identity.UserID, keepSession string) error {
	if err := tx.EndTokens(ctx, id); err != nil {
		return err
	}
	return tx.EndSessions(ctx, id, keepSession)
}

// SetUserLoggedIn notes the sign-in. It needs a record too: login.success.
func (tx *Tx) SetUserLoggedIn(ctx context.Context, id identity.UserID) error {
	tx.changed = true
	n, err := tx.q.SetUserLoggedIn(ctx, db.SetUserLoggedInParams{TenantID: tx.tenant, ID: string(id), LastLoginAt: micros(tx.now)})
	return tx.db.changed("set last login", n, err, userMissing)
}

// SetUserSynced notes that the user's groups were read. It is no change of
// rights and needs no record of its own.
func (tx *Tx) SetUserSynced(ctx context.Context, id identity.UserID) error {
	n, err := tx.q.SetUserSynced(ctx, db.SetUserSyncedParams{TenantID: tx.tenant, ID: string(id), LastSyncAt: micros(tx.now)})
	return tx.db.changed("set last sync", n, err, userMissing)
}

// DeleteUser removes the user with its keys, sessions, codes and tokens.
// Audit records stay.
func (tx *Tx) DeleteUser(ctx context.Context, id identity.UserID) error {
	tx.changed = true
	n, err := tx.q.DeleteUser(ctx, db.DeleteUserParams{TenantID: tx.tenant, ID: string(id)})
	return tx.db.changed("delete user", n, err, userMissing)
}

// RehashPassword replaces a hash by one of the same password with current
// parameters, unless the password was changed meanwhile. It changes no rights
// and needs no record.
func (s Scope) RehashPassword(ctx context.Context, id identity.UserID, old, fresh string) error {
	err := db.New(s.db.write).RehashUserPassword(ctx, db.RehashUserPasswordParams{
		TenantID: s.tenant, ID: string(id), HashedPassword: old, HashedPassword_2: fresh,
	})
	return s.db.fault("rehash password", err)
}
