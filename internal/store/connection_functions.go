package store

import (
	"context"
	"fmt"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store/internal/db"
)

// Bounds of the list of allowed functions. The signature is part of a key, of
// which PostgreSQL takes 2,700 bytes.
const (
	MaxAllowedFunctions  = 500 // of one connection
	MaxFunctionSignature = 2000
	MaxFunctionHash      = 128
)

// AllowedFunction is a function of the users' own that statements on a
// connection may run.
type AllowedFunction struct {
	Connection string // its id
	Signature  string
	Hash       string // of the definition that the administrator saw
	AllowedBy  string // the administrator's e-mail, "" when the account is gone
	AllowedAt  time.Time
}

const functionMissing = "Function not found"

// AllowedFunctions lists the allowed functions of all connections of the
// tenant, by connection and signature. Who also reads the connections reads
// them first: a list that is newer than its connection's UpdatedAt is read
// again under the next one, an older list would stay.
func (s Scope) AllowedFunctions(ctx context.Context) ([]AllowedFunction, error) {
	rows, err := s.db.reads.ListConnectionFunctions(ctx, s.tenant)
	if err != nil {
		return nil, s.db.fault("list functions of connections", err)
	}
	list := make([]AllowedFunction, 0, len(rows))
	for _, r := range rows {
		list = append(list, AllowedFunction{
			Connection: r.ConnectionID, Signature: r.Signature, Hash: r.Hash, AllowedBy: r.AllowedBy, AllowedAt: moment(r.CreatedAt),
		})
	}
	return list, nil
}

// AllowFunction puts a function on the connection's list, or replaces the
// definition that was allowed before. It returns an Unprocessable fault for a
// signature or hash that is too long and Invalid when the list is full.
func (tx *Tx) AllowFunction(ctx context.Context, f AllowedFunction, by identity.UserID) error {
	switch {
	case f.Signature == "" || len(f.Signature) > MaxFunctionSignature:
		return fault.Field("signature", fmt.Sprintf("The signature must have 1 to %d bytes", MaxFunctionSignature))
	case f.Hash == "" || len(f.Hash) > MaxFunctionHash:
		return fault.Field("hash", fmt.Sprintf("The hash must have 1 to %d bytes", MaxFunctionHash))
	}
	if _, err := tx.Connection(ctx, f.Connection); err != nil {
		return err
	}
	tx.changed = true
	if err := tx.roomForFunction(ctx, f); err != nil {
		return err
	}
	err := tx.q.UpsertConnectionFunction(ctx, db.UpsertConnectionFunctionParams{
		TenantID: tx.tenant, ConnectionID: f.Connection, Signature: f.Signature, Hash: f.Hash, AllowedBy: string(by), CreatedAt: micros(tx.now),
	})
	if err != nil {
		return tx.db.fault("allow function", err)
	}
	return tx.changeRules(ctx, f.Connection)
}

// roomForFunction refuses one function more than a list may hold.
func (tx *Tx) roomForFunction(ctx context.Context, f AllowedFunction) error {
	_, err := tx.q.GetConnectionFunctionHash(ctx, db.GetConnectionFunctionHashParams{TenantID: tx.tenant, ConnectionID: f.Connection, Signature: f.Signature})
	err = tx.db.found("function of connection", err, functionMissing)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	n, err := tx.q.CountConnectionFunctions(ctx, db.CountConnectionFunctionsParams{TenantID: tx.tenant, ConnectionID: f.Connection})
	if err != nil {
		return tx.db.fault("count functions of connection", err)
	}
	if n >= MaxAllowedFunctions {
		return fault.New(fault.Invalid, fmt.Sprintf("A connection can have at most %d allowed functions", MaxAllowedFunctions))
	}
	return nil
}

// RemoveFunction takes a function off the connection's list and returns the
// hash that was allowed. A function that is not on it is NotFound.
func (tx *Tx) RemoveFunction(ctx context.Context, connection, signature string) (hash string, err error) {
	if _, err := tx.Connection(ctx, connection); err != nil {
		return "", err
	}
	hash, err = tx.q.GetConnectionFunctionHash(ctx, db.GetConnectionFunctionHashParams{TenantID: tx.tenant, ConnectionID: connection, Signature: signature})
	if err := tx.db.found("function of connection", err, functionMissing); err != nil {
		return "", err
	}
	tx.changed = true
	n, err := tx.q.DeleteConnectionFunction(ctx, db.DeleteConnectionFunctionParams{TenantID: tx.tenant, ConnectionID: connection, Signature: signature})
	if err := tx.db.changed("remove function", n, err, functionMissing); err != nil {
		return "", err
	}
	return hash, tx.changeRules(ctx, connection)
}

// changeRules makes the connection new for every catalogue and pool, on all
// instances, from the next call on.
func (tx *Tx) changeRules(ctx context.Context, connection string) error {
	n, err := tx.q.ChangeConnectionRules(ctx, db.ChangeConnectionRulesParams{TenantID: tx.tenant, ID: connection, UpdatedAt: micros(tx.now)})
	if err := tx.db.changed("change connection rules", n, err, connectionMissing); err != nil {
		return err
	}
	return tx.raiseConfig(ctx)
}
