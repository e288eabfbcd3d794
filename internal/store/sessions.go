package store

import (
	"context"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Session is a browser session (contract 2.4).
type Session struct {
	ID         string
	Tenant     identity.TenantID
	User       identity.UserID
	Hash       string
	IP         string
	UserAgent  string
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	RevokedAt  time.Time
}

// Ended reports whether the session is revoked, expired or idle for longer
// than idle at a time.
func (s Session) Ended(at time.Time, idle time.Duration) bool {
	return !s.RevokedAt.IsZero() || !at.Before(s.ExpiresAt) || at.Sub(s.LastSeenAt) >= idle
}

const sessionMissing = "Session not found"

func sessionOf(r db.Session) Session {
	return Session{
		ID: r.ID, Tenant: identity.TenantID(r.TenantID), User: identity.UserID(r.UserID), Hash: r.HashedToken,
		IP: r.IpAddress, UserAgent: r.UserAgent, CreatedAt: moment(r.CreatedAt), LastSeenAt: moment(r.LastSeenAt),
		ExpiresAt: moment(r.ExpiresAt), RevokedAt: moment(r.RevokedAt),
	}
}

// NewSession is a session to be.
type NewSession struct {
	User      identity.UserID
	Hash      string
	IP        string
	UserAgent string
	ExpiresAt time.Time
}

// Sessions lists a user's sessions that are neither revoked nor expired,
// oldest first.
func (s Scope) Sessions(ctx context.Context, user identity.UserID) ([]Session, error) {
	rows, err := s.db.reads.ListSessions(ctx, db.ListSessionsParams{TenantID: s.tenant, UserID: string(user), ExpiresAt: micros(s.db.now())})
	if err != nil {
		return nil, s.db.fault("list sessions", err)
	}
	sessions := make([]Session, 0, len(rows))
	for _, r := range rows {
		sessions = append(sessions, sessionOf(r))
	}
	return sessions, nil
}

// CreateSession stores a session. The name of a browser may be any bytes.
func (tx *Tx) CreateSession(ctx context.Context, n NewSession) (Session, error) {
	tx.changed = true
	s := Session{
		ID: newID(), Tenant: tx.tenantID(), User: n.User, Hash: n.Hash, IP: n.IP, UserAgent: storable(n.UserAgent),
		CreatedAt: tx.now, LastSeenAt: tx.now, ExpiresAt: moment(micros(n.ExpiresAt)),
	}
	err := tx.q.InsertSession(ctx, db.InsertSessionParams{
		ID: s.ID, TenantID: tx.tenant, UserID: string(n.User), HashedToken: n.Hash, IpAddress: n.IP,
		UserAgent: s.UserAgent, CreatedAt: micros(tx.now), ExpiresAt: micros(n.ExpiresAt),
	})
	return s, tx.db.fault("insert session", err)
}

// EndSession revokes one session of a user. One that is gone or has ended is
// NotFound.
func (tx *Tx) EndSession(ctx context.Context, user identity.UserID, id string) error {
	tx.changed = true
	n, err := tx.q.RevokeSession(ctx, db.RevokeSessionParams{TenantID: tx.tenant, UserID: string(user), ID: id, RevokedAt: micros(tx.now)})
	return tx.db.changed("revoke session", n, err, sessionMissing)
}

// EndSessions revokes all sessions of a user but keep.
func (tx *Tx) EndSessions(ctx context.Context, user identity.UserID, keep string) error {
	tx.changed = true
	_, err := tx.q.RevokeSessions(ctx, db.RevokeSessionsParams{TenantID: tx.tenant, UserID: string(user), ID: keep, RevokedAt: micros(tx.now)})
	return tx.db.fault("revoke sessions", err)
}

// TouchSession notes that the session is used now, at most once a minute.
func (d *DB) TouchSession(ctx context.Context, s Session) error {
	now := d.now()
	if now.Sub(s.LastSeenAt) < touchEvery {
		return nil
	}
	defer d.wrote()
	err := db.New(d.write).TouchSession(ctx, db.TouchSessionParams{
		TenantID: string(s.Tenant), ID: s.ID, LastSeenAt: micros(now), LastSeenAt_2: micros(now.Add(-touchEvery)),
	})
	return d.fault("touch session", err)
}

// RenewSession gives the session a new token hash: a new id for the browser
// after a change of rights (contract 2.4). Of two at once one wins; the other
// is NotFound.
func (d *DB) RenewSession(ctx context.Context, s Session, hash string) error {
	defer d.wrote()
	n, err := db.New(d.write).RenewSession(ctx, db.RenewSessionParams{
		TenantID: string(s.Tenant), ID: s.ID, HashedToken: s.Hash, HashedToken_2: hash,
	})
	return d.changed("renew session", n, err, sessionMissing)
}
