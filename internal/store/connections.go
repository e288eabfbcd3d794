package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// ConnectionsTable is the table name in the additional data of a sealed
// connection string.
const ConnectionsTable = "db_connections"

// Connection is a registered database. Its connection string exists here only
// sealed.
type Connection struct {
	ID          string
	Tenant      identity.TenantID
	Name        string
	Type        string
	Sealed      string
	Description string
	MinRole     identity.Role
	LLMPolicy   string
	LastTest    json.RawMessage // nil when never tested
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// AllowPowerfulLogin accepts a login that could run programs or read files
	// on the database's server.
	AllowPowerfulLogin bool
}

const connectionMissing = "Connection not found"

func connectionOf(r db.DbConnection) Connection {
	c := Connection{
		ID: r.ID, Tenant: identity.TenantID(r.TenantID), Name: r.Name, Type: r.DbType, Sealed: r.EncryptedConnStr,
		Description: r.Description, MinRole: role(r.MinRole), LLMPolicy: r.LlmPolicy,
		CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt), AllowPowerfulLogin: r.AllowPowerfulLogin,
	}
	if r.LastTest != "" {
		c.LastTest = json.RawMessage(r.LastTest)
	}
	return c
}

// NewConnection is a connection to be.
type NewConnection struct {
	Name, Type, Description string
	MinRole                 identity.Role
	LLMPolicy               string
	LastTest                json.RawMessage
	AllowPowerfulLogin      bool
	// Seal returns the sealed connection string for the row's id, which is
	// part of what the seal protects.
	Seal func(id string) (string, error)
}

// Connection reads one connection. Removed ones are NotFound.
func (s Scope) Connection(ctx context.Context, id string) (Connection, error) {
	row, err := s.db.reads.GetConnection(ctx, db.GetConnectionParams{TenantID: s.tenant, ID: id})
	return connectionOf(row), s.db.found("connection", err, connectionMissing)
}

// Connections lists the connections that a role may see, by creation time,
// then id.
func (s Scope) Connections(ctx context.Context, r identity.Role, page Page) ([]Connection, error) {
	limit, offset := page.bounds()
	at := func(min identity.Role) string {
		if r.Allows(min) {
			return min.String()
		}
		return ""
	}
	rows, err := s.db.reads.ListConnections(ctx, db.ListConnectionsParams{
		TenantID: s.tenant, MinRole: at(identity.Viewer), MinRole_2: at(identity.Analyst), MinRole_3: at(identity.Admin),
		Limit: limit, Offset: offset,
	})
	if err != nil {
		return nil, s.db.fault("list connections", err)
	}
	list := make([]Connection, 0, len(rows))
	for _, row := range rows {
		list = append(list, connectionOf(row))
	}
	return list, nil
}

// Connection reads one connection and keeps others from changing it until the
// transaction ends.
func (tx *Tx) Connection(ctx context.Context, id string) (Connection, error) {
	row, err := tx.q.LockConnection(ctx, db.LockConnectionParams{TenantID: tx.tenant, ID: id})
	return connectionOf(row), tx.db.found("lock connection", err, connectionMissing)
}

// idDraws bounds the search for an id with free first characters.
const idDraws = 20

var errNoFreeID = errors.New("no id with free first 8 characters found")

// CreateConnection stores a connection under a new id whose first 8
// characters no other connection of the tenant has or had (contract 6.3).
func (tx *Tx) CreateConnection(ctx context.Context, n NewConnection) (Connection, error) {
	tx.changed = true
	for range idDraws {
		id := uuid.NewString() // version 4: the first characters are random
		err := tx.insertConnection(ctx, id, n)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return Connection{}, err
		}
		if err := tx.raiseConfig(ctx); err != nil {
			return Connection{}, err
		}
		return tx.Connection(ctx, id)
	}
	return Connection{}, tx.db.fault("insert connection", errNoFreeID)
}

func (tx *Tx) insertConnection(ctx context.Context, id string, n NewConnection) error {
	sealed, err := n.Seal(id)
	if err != nil {
		return err
	}
	_, err = tx.q.InsertConnection(ctx, db.InsertConnectionParams{
		ID: id, TenantID: tx.tenant, Name: n.Name, DbType: n.Type, EncryptedConnStr: sealed, Description: n.Description,
		MinRole: n.MinRole.String(), LlmPolicy: n.LLMPolicy, LastTest: string(n.LastTest), CreatedAt: micros(tx.now),
		AllowPowerfulLogin: n.AllowPowerfulLogin,
	})
	return tx.db.found("insert connection", err, connectionMissing)
}

// UpdateConnection stores what c holds now. Id, type and creation time stay.
func (tx *Tx) UpdateConnection(ctx context.Context, c Connection) error {
	tx.changed = true
	n, err := tx.q.UpdateConnection(ctx, db.UpdateConnectionParams{
		TenantID: tx.tenant, ID: c.ID, Name: c.Name, EncryptedConnStr: c.Sealed, Description: c.Description,
		MinRole: c.MinRole.String(), LlmPolicy: c.LLMPolicy, LastTest: string(c.LastTest), UpdatedAt: micros(tx.now),
		AllowPowerfulLogin: c.AllowPowerfulLogin,
	})
	if err := tx.db.changed("update connection", n, err, connectionMissing); err != nil {
		return err
	}
	return tx.raiseConfig(ctx)
}

// RemoveConnection makes the connection invisible for good and forgets its
// connection string and the functions that were allowed for it.
func (tx *Tx) RemoveConnection(ctx context.Context, id string) error {
	tx.changed = true
	n, err := tx.q.RemoveConnection(ctx, db.RemoveConnectionParams{TenantID: tx.tenant, ID: id, UpdatedAt: micros(tx.now)})
	if err := tx.db.changed("remove connection", n, err, connectionMissing); err != nil {
		return err
	}
	err = tx.q.DeleteConnectionFunctions(ctx, db.DeleteConnectionFunctionsParams{TenantID: tx.tenant, ConnectionID: id})
	if err != nil {
		return tx.db.fault("remove functions of connection", err)
	}
	return tx.raiseConfig(ctx)
}

// SetConnectionTest notes the outcome of a test. It changes no rights and
// needs no record.
func (s Scope) SetConnectionTest(ctx context.Context, id string, result json.RawMessage) error {
	n, err := db.New(s.db.write).SetConnectionTest(ctx, db.SetConnectionTestParams{TenantID: s.tenant, ID: id, LastTest: string(result)})
	return s.db.changed("set connection test", n, err, connectionMissing)
}
