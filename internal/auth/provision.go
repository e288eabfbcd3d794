package auth

import (
	"context"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/sso"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// sourceSync is who changed a user in the records of provisioning.
const sourceSync = "sync"

// The refusals of contract 5.4.
func errNoGroup() error  { return fault.New(fault.Forbidden, "Not in any authorised group") }
func errDisabled() error { return fault.New(fault.Forbidden, "Account disabled") }
func errNoEmail() error {
	return fault.New(fault.BadGateway, "Identity provider returned no e-mail address")
}
func errLocalAccount() error {
	return fault.New(fault.Conflict, "A local account with this e-mail already exists in this organisation. Ask an administrator to remove or rename it.")
}
func errOtherAccount() error {
	return fault.New(fault.Conflict, "Another account with this e-mail already exists in this organisation. Ask an administrator to remove it.")
}

// provision makes the user of an identity, or brings it up to date (contract
// 5.2, Provisioning). People are recognised by the provider's own identifier:
// whoever controls an e-mail must not thereby get the account of that e-mail
// (contract 15.2 A16).
func (s *SSO) provision(ctx context.Context, l Leg, who sso.Identity) (store.User, error) {
	email, ok := CleanEmail(who.Email)
	if !ok {
		return store.User{}, errNoEmail()
	}
	who.Email = email
	scope := s.cfg.Store.Tenant(l.Tenant.ID)
	known, err := scope.UserBySubject(ctx, l.Provider, who.Subject)
	if fault.Is(err, fault.NotFound) {
		made, taken := s.create(ctx, l, who)
		if !fault.Is(taken, fault.Conflict) {
			return made, taken
		}
		// Another tab of the same person may have been a moment faster.
		known, err = scope.UserBySubject(ctx, l.Provider, who.Subject)
		if fault.Is(err, fault.NotFound) {
			return store.User{Email: who.Email}, s.emailHeld(ctx, l.Tenant.ID, who.Email)
		}
	}
	if err != nil {
		return store.User{}, err
	}
	return s.update(ctx, l, known, who)
}

// create makes the user. What another user holds is a Conflict.
func (s *SSO) create(ctx context.Context, l Leg, who sso.Identity) (store.User, error) {
	if who.Role == identity.None {
		return store.User{Email: who.Email}, errNoGroup()
	}
	var made store.User
	err := s.cfg.Store.Tenant(l.Tenant.ID).Write(ctx, func(tx *store.Tx) error {
		var err error
		made, err = tx.CreateUser(ctx, store.NewUser{
			Email: who.Email, Role: who.Role, Provider: l.Provider, Subject: who.Subject, SyncedAt: tx.Now(),
		})
		if err != nil {
			return err
		}
		tx.Record(userEvent("user.created", made, l.From, map[string]any{"role": made.Role.String(), "auth_provider": l.Provider}))
		return s.keepRefresh(ctx, tx, made, who.Refresh)
	})
	return made, err
}

// update brings a known user up to date. A refusal comes with the user.
func (s *SSO) update(ctx context.Context, l Leg, known store.User, who sso.Identity) (store.User, error) {
	var user store.User
	var refused error
	err := s.cfg.Store.Tenant(l.Tenant.ID).Write(ctx, func(tx *store.Tx) error {
		current, err := tx.User(ctx, known.ID)
		if err != nil {
			return err
		}
		if user, refused, err = syncUser(ctx, tx, current, who.Role, l.From); err != nil || refused != nil {
			return err
		}
		if err := s.keepRefresh(ctx, tx, user, who.Refresh); err != nil {
			return err
		}
		return renameUser(ctx, tx, &user, who.Email, l.From)
	})
	switch {
	case fault.Is(err, fault.Conflict):
		return known, s.emailHeld(ctx, l.Tenant.ID, who.Email)
	case err != nil:
		return known, err
	}
	s.resync.answered(user.ID)
	return user, refused
}

// renameUser gives the user the e-mail that the provider tells.
func renameUser(ctx context.Context, tx *store.Tx, u *store.User, email string, from Client) error {
	if u.Email == email {
		return nil
	}
	tx.Record(userEvent("user.email_updated", *u, from, map[string]any{"source": sourceSync}))
	u.Email = email
	return tx.SetUserEmail(ctx, u.ID, email)
}

// syncUser gives a user what the groups give now. An administrator's disabling
// stands; what the sync disabled it enables again. A refusal is a decision, not
// a failure: what was written for it stays.
func syncUser(ctx context.Context, tx *store.Tx, u store.User, role identity.Role, from Client) (_ store.User, refused, err error) {
	switch {
	case !u.Active && u.DisabledBy != store.BySync:
		return u, errDisabled(), nil
	case role == identity.None && u.Active:
		tx.Record(userEvent("user.disabled", u, from, map[string]any{"source": sourceSync}))
		return u, errNoGroup(), tx.DisableUser(ctx, u.ID, store.BySync)
	case role == identity.None:
		return u, errNoGroup(), nil
	}
	if !u.Active {
		tx.Record(userEvent("user.enabled", u, from, map[string]any{"source": sourceSync}))
		if err := tx.EnableUser(ctx, u.ID); err != nil {
			return u, nil, err
		}
		u.Active, u.DisabledBy = true, ""
	}
	if u.Role != role {
		tx.Record(userEvent("user.role_updated", u, from, map[string]any{"new_role": role.String(), "source": sourceSync}))
		if err := tx.SetUserRole(ctx, u.ID, role); err != nil {
			return u, nil, err
		}
		u.Role = role
	}
	u.LastSyncAt = tx.Now()
	return u, nil, tx.SetUserSynced(ctx, u.ID)
}

// userEvent is a record about a user whom nobody but their provider changed.
func userEvent(name string, u store.User, from Client, metadata map[string]any) audit.Event {
	metadata["target_user_id"] = u.ID
	return audit.Event{Name: name, User: u.ID, UserEmail: u.Email, IP: from.IP, RequestID: from.RequestID, Metadata: metadata}
}

// emailHeld says whose the e-mail is (contract 5.4).
func (s *SSO) emailHeld(ctx context.Context, tenant identity.TenantID, email string) error {
	holder, err := s.cfg.Store.Tenant(tenant).UserByEmail(ctx, email)
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	case err == nil && holder.Provider != store.LocalAccount:
		return errOtherAccount()
	}
	return errLocalAccount()
}
