package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

const (
	// MCPSessionIdle is how long an MCP session may stay unused.
	MCPSessionIdle = 24 * time.Hour
	// mcpTouchEvery is how exactly its last use is known.
	mcpTouchEvery = 10 * time.Minute

	// maxMCPSessions bounds the sessions of a user. Clients seldom end theirs.
	maxMCPSessions = 1000
	// The sizes, as JSON, of what a client may have kept for it.
	maxMCPCapabilities  = 16 << 10
	maxMCPSubscriptions = 64 << 10
)

// MCPSession is what an MCP client has said in a session (contract 6.1, first
// row). The session is no credential: each request brings its own.
type MCPSession struct {
	Hash            string // of the session's id
	Tenant          identity.TenantID
	User            identity.UserID
	ProtocolVersion string
	Capabilities    json.RawMessage // what the client declared, {} for nothing
	LogLevel        string          // "" for none
	Subscriptions   []string        // URIs of resources
	CreatedAt       time.Time
	UsedAt          time.Time
}

const mcpSessionMissing = "Session not found"

// CreateMCPSession stores a session as begun now. A user who has too many
// loses the one that is unused for longest. No session changes rights, so that
// this and all that follows needs no record.
func (s Scope) CreateMCPSession(ctx context.Context, m MCPSession) error {
	row, err := s.newMCPSession(m)
	if err != nil {
		return err
	}
	// Not through d.inTx: no look-up that is remembered depends on it.
	err = inTx(ctx, s.db.write, func(tx *sql.Tx) error {
		q := db.New(tx)
		if _, err := q.LockUser(ctx, db.LockUserParams{TenantID: s.tenant, ID: string(m.User)}); err != nil {
			return s.db.found("lock user", err, userMissing)
		}
		err := q.TrimMCPSessions(ctx, db.TrimMCPSessionsParams{TenantID: s.tenant, UserID: string(m.User), Offset: maxMCPSessions - 1})
		if err != nil {
			return err
		}
		return q.InsertMCPSession(ctx, row)
	})
	return s.db.fault("create mcp session", err)
}

// newMCPSession is the row of a session that begins.
func (s Scope) newMCPSession(m MCPSession) (db.InsertMCPSessionParams, error) {
	if len(m.Capabilities) == 0 {
		m.Capabilities = json.RawMessage("{}")
	}
	switch {
	case len(m.Capabilities) > maxMCPCapabilities:
		return db.InsertMCPSessionParams{}, fault.New(fault.Invalid, "Client capabilities are too large")
	case !json.Valid(m.Capabilities) || !utf8.Valid(m.Capabilities):
		return db.InsertMCPSessionParams{}, fault.New(fault.Invalid, "Client capabilities are not JSON")
	}
	subscriptions, err := encodeSubscriptions(m.Subscriptions)
	return db.InsertMCPSessionParams{
		TenantID: s.tenant, UserID: string(m.User), IDHash: m.Hash, ProtocolVersion: m.ProtocolVersion,
		Capabilities: string(m.Capabilities), LogLevel: m.LogLevel, Subscriptions: subscriptions, CreatedAt: micros(s.db.now()),
	}, err
}

func encodeSubscriptions(uris []string) (string, error) {
	if len(uris) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(uris)
	if err == nil && len(text) > maxMCPSubscriptions {
		err = fault.New(fault.Invalid, "Too many resource subscriptions")
	}
	return string(text), err
}

// unusedMCP is the last use of sessions that have ended by now.
func (d *DB) unusedMCP() int64 { return micros(d.now().Add(-MCPSessionIdle)) }

// MCPSession reads a user's session by the hash of its id. One that is
// unknown, another user's or idle for too long is NotFound.
func (s Scope) MCPSession(ctx context.Context, user identity.UserID, hash string) (MCPSession, error) {
	r, err := s.db.reads.GetMCPSession(ctx, db.GetMCPSessionParams{
		TenantID: s.tenant, UserID: string(user), IDHash: hash, UsedAt: s.db.unusedMCP(),
	})
	if err != nil {
		return MCPSession{}, s.db.found("mcp session", err, mcpSessionMissing)
	}
	m := MCPSession{
		Hash: r.IDHash, Tenant: identity.TenantID(r.TenantID), User: identity.UserID(r.UserID),
		ProtocolVersion: r.ProtocolVersion, Capabilities: json.RawMessage(r.Capabilities), LogLevel: r.LogLevel,
		CreatedAt: moment(r.CreatedAt), UsedAt: moment(r.UsedAt),
	}
	return m, s.db.fault("mcp session", json.Unmarshal([]byte(r.Subscriptions), &m.Subscriptions))
}

// SetMCPLogLevel sets the least severe log messages that the client wants.
func (s Scope) SetMCPLogLevel(ctx context.Context, user identity.UserID, hash, level string) error {
	n, err := db.New(s.db.write).SetMCPLogLevel(ctx, db.SetMCPLogLevelParams{
		TenantID: s.tenant, UserID: string(user), IDHash: hash, UsedAt: s.db.unusedMCP(), LogLevel: level,
	})
	return s.db.changed("set mcp log level", n, err, mcpSessionMissing)
}

// SetMCPSubscriptions replaces the resources that the client wants to hear of
// by what change makes of them. Nobody else changes them meanwhile, on no
// instance: clients subscribe to many at once.
func (s Scope) SetMCPSubscriptions(ctx context.Context, user identity.UserID, hash string, change func(uris []string) []string) error {
	err := inTx(ctx, s.db.write, func(tx *sql.Tx) error {
		q := db.New(tx)
		stored, err := q.LockMCPSubscriptions(ctx, db.LockMCPSubscriptionsParams{
			TenantID: s.tenant, UserID: string(user), IDHash: hash, UsedAt: s.db.unusedMCP(),
		})
		if err != nil {
			return s.db.found("lock mcp subscriptions", err, mcpSessionMissing)
		}
		var uris []string
		if err := json.Unmarshal([]byte(stored), &uris); err != nil {
			return err
		}
		changed, err := encodeSubscriptions(change(uris))
		if err != nil {
			return err
		}
		return q.SetMCPSubscriptions(ctx, db.SetMCPSubscriptionsParams{
			TenantID: s.tenant, UserID: string(user), IDHash: hash, Subscriptions: changed,
		})
	})
	return s.db.fault("set mcp subscriptions", err)
}

// TouchMCPSession notes that the session is used now, at most every ten
// minutes.
func (s Scope) TouchMCPSession(ctx context.Context, m MCPSession) error {
	now := s.db.now()
	if now.Sub(m.UsedAt) < mcpTouchEvery {
		return nil
	}
	err := db.New(s.db.write).TouchMCPSession(ctx, db.TouchMCPSessionParams{
		TenantID: s.tenant, UserID: string(m.User), IDHash: m.Hash,
		UsedAt: micros(now), UsedAt_2: micros(now.Add(-mcpTouchEvery)),
	})
	return s.db.fault("touch mcp session", err)
}

// DeleteMCPSession ends a session.
func (s Scope) DeleteMCPSession(ctx context.Context, user identity.UserID, hash string) error {
	n, err := db.New(s.db.write).DeleteMCPSession(ctx, db.DeleteMCPSessionParams{
		TenantID: s.tenant, UserID: string(user), IDHash: hash, UsedAt: s.db.unusedMCP(),
	})
	return s.db.changed("delete mcp session", n, err, mcpSessionMissing)
}
