package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// connectionOut is ConnectionOut of contract 3.4. The connection string is
// never part of an answer.
type connectionOut struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Type        string        `json:"db_type"`
	Description *string       `json:"description"`
	Active      bool          `json:"is_active"`
	CreatedAt   time.Time     `json:"created_at"`
	MinRole     identity.Role `json:"min_role"`
	LLMPolicy   string        `json:"llm_policy"`
	LastTest    *testOut      `json:"last_test"`
	Test        *testOut      `json:"test,omitempty"`
	// AllowPowerful is for administrators only: it tells others where a login
	// is worth an attack.
	AllowPowerful *bool `json:"allow_powerful_login,omitempty" doc:"Whether a login is accepted that could run programs or read files on the server. Shown to administrators."`
}

// TransformSchema tells the document that a connection may be untested, which
// a Go type cannot say of an object.
func (connectionOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["last_test"] = &huma.Schema{AnyOf: []*huma.Schema{s.Properties["last_test"], {Type: "null"}}}
	return s
}

func outConnection(reader identity.Role, c store.Connection) connectionOut {
	out := connectionOut{
		ID: c.ID, Name: c.Name, Type: c.Type, Description: textOrNull(c.Description), Active: true,
		CreatedAt: c.CreatedAt, MinRole: c.MinRole, LLMPolicy: c.LLMPolicy,
	}
	if test := new(testOut); len(c.LastTest) > 0 && json.Unmarshal(c.LastTest, test) == nil {
		out.LastTest = test
	}
	if reader.Allows(identity.Admin) {
		out.AllowPowerful = &c.AllowPowerfulLogin
	}
	return out
}

func (s *server) listConnections(ctx context.Context, c *call) ([]connectionOut, error) {
	page, err := c.page(listDefault, listCap)
	if err != nil {
		return nil, err
	}
	connections, err := c.scope().Connections(ctx, c.who.Role, page)
	return list(connections, func(x store.Connection) connectionOut { return outConnection(c.who.Role, x) }), err
}

type connectionIn struct {
	Name        string  `json:"name" minLength:"1" maxLength:"255"`
	Type        string  `json:"db_type" enum:"postgres,mysql,sqlite,mssql"`
	String      string  `json:"connection_string" minLength:"1" maxLength:"2000" doc:"scheme://user:password@host/database. Never shown again."`
	Description *string `json:"description,omitempty" nullable:"true" maxLength:"1000"`
	MinRole     *string `json:"min_role,omitempty" nullable:"true" enum:"viewer,analyst,admin" default:"viewer"`
	LLMPolicy   *string `json:"llm_policy,omitempty" nullable:"true" enum:"rows,schema,off" default:"rows" doc:"What a language model may see."`

	AllowPowerful *bool `json:"allow_powerful_login,omitempty" nullable:"true" default:"false" doc:"Accept a login that could run programs or read files on the server."`
}

func (s *server) createConnection(ctx context.Context, c *call, in connectionIn) (connectionOut, error) {
	test, err := s.checkString(ctx, c, tested{in.Type, in.String, isTrue(in.AllowPowerful)})
	if err != nil {
		return connectionOut{}, err
	}
	n := store.NewConnection{
		Name: in.Name, Type: in.Type, Description: orElse(in.Description, ""), LLMPolicy: orElse(in.LLMPolicy, "rows"),
		MinRole: parseRole(orElse(in.MinRole, "viewer")), LastTest: test.encode(),
		AllowPowerfulLogin: isTrue(in.AllowPowerful),
		Seal:               func(id string) (string, error) { return s.Ring.Seal(in.String, connectionPlace(c.who.Tenant, id)), nil },
	}
	var made store.Connection
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		var err error
		made, err = tx.CreateConnection(ctx, n)
		tx.Record(c.event(c.route.event, map[string]any{"connection_id": made.ID, "db_type": made.Type, "name": made.Name}))
		return err
	})
	if err != nil {
		return connectionOut{}, err
	}
	s.Catalog.Changed(c.who.Tenant)
	out := outConnection(c.who.Role, made)
	out.Test = test
	return out, nil
}

// connectionPlace is where a sealed connection string belongs.
func connectionPlace(tenant identity.TenantID, id string) seal.Place {
	return seal.Place{Tenant: string(tenant), Table: store.ConnectionsTable, Row: id}
}

// connectionPatch changes what is sent and not null (contract 3.4).
type connectionPatch struct {
	Name        *string `json:"name,omitempty" nullable:"true" minLength:"1" maxLength:"255"`
	String      *string `json:"connection_string,omitempty" nullable:"true" minLength:"1" maxLength:"2000"`
	Description *string `json:"description,omitempty" nullable:"true" maxLength:"1000" doc:"An empty text clears it."`
	MinRole     *string `json:"min_role,omitempty" nullable:"true" enum:"viewer,analyst,admin"`
	LLMPolicy   *string `json:"llm_policy,omitempty" nullable:"true" enum:"rows,schema,off"`

	AllowPowerful *bool `json:"allow_powerful_login,omitempty" nullable:"true" doc:"Accept a login that could run programs or read files on the server."`
}

// apply changes c and returns the names of the fields that were sent.
func (in connectionPatch) apply(c *store.Connection, ring *seal.Ring) (changed []string) {
	set := func(name string, value *string, to *string) {
		if value != nil {
			*to, changed = *value, append(changed, name)
		}
	}
	set("name", in.Name, &c.Name)
	set("description", in.Description, &c.Description)
	set("llm_policy", in.LLMPolicy, &c.LLMPolicy)
	if in.MinRole != nil {
		c.MinRole, changed = parseRole(*in.MinRole), append(changed, "min_role")
	}
	if in.String != nil {
		c.Sealed, changed = ring.Seal(*in.String, connectionPlace(c.Tenant, c.ID)), append(changed, "connection_string")
		c.LastTest = nil // it spoke of another database
	}
	if in.AllowPowerful != nil {
		c.AllowPowerfulLogin, changed = *in.AllowPowerful, append(changed, "allow_powerful_login")
		c.LastTest = nil // it was judged by another rule
	}
	return changed
}

func (s *server) updateConnection(ctx context.Context, c *call, in connectionPatch) (connectionOut, error) {
	stored, err := c.scope().Connection(ctx, c.id())
	if err != nil {
		return connectionOut{}, err
	}
	test, err := s.checkChange(ctx, c, stored, in)
	if err != nil {
		return connectionOut{}, err
	}
	var changed []string
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		if stored, err = tx.Connection(ctx, stored.ID); err != nil {
			return err
		}
		if changed = in.apply(&stored, s.Ring); len(changed) == 0 {
			return nil
		}
		if test != nil {
			stored.LastTest = test.encode()
		}
		tx.Record(c.event(c.route.event, map[string]any{"connection_id": stored.ID, "fields_changed": changed}))
		return tx.UpdateConnection(ctx, stored)
	})
	if err != nil {
		return connectionOut{}, err
	}
	if len(changed) > 0 {
		s.connectionChanged(c, stored.ID)
	} else if test != nil {
		stored.LastTest = test.encode()
		err = c.scope().SetConnectionTest(ctx, stored.ID, stored.LastTest)
	}
	out := outConnection(c.who.Role, stored)
	out.Test = test
	return out, err
}

// checkChange checks the string that will be in force after the change, when
// it is a new one or a test is asked for, by the rules that will be in force.
func (s *server) checkChange(ctx context.Context, c *call, stored store.Connection, in connectionPatch) (*testOut, error) {
	with := tested{dbType: stored.Type, allowPowerful: stored.AllowPowerfulLogin}
	if in.AllowPowerful != nil {
		with.allowPowerful = *in.AllowPowerful
	}
	switch {
	case in.String != nil:
		with.text = *in.String
	case !c.flag("test"):
		return nil, nil
	default:
		plain, err := s.Ring.Open(stored.Sealed, connectionPlace(stored.Tenant, stored.ID))
		if err != nil {
			return nil, err
		}
		with.text = plain
	}
	return s.checkString(ctx, c, with)
}

// connectionChanged ends the pool and tells the tenant's open streams.
func (s *server) connectionChanged(c *call, id string) {
	s.Databases.Drop(string(c.who.Tenant), id)
	s.Catalog.Changed(c.who.Tenant)
}

func (s *server) removeConnection(ctx context.Context, c *call) (detailOut, error) {
	id := c.id()
	err := c.scope().Write(ctx, func(tx *store.Tx) error {
		tx.Record(c.event(c.route.event, map[string]any{"connection_id": id}))
		return tx.RemoveConnection(ctx, id)
	})
	if err != nil {
		return detailOut{}, err
	}
	s.connectionChanged(c, id)
	return detailOut{"Connection removed"}, nil
}

func (s *server) testConnection(ctx context.Context, c *call) (testOut, error) {
	stored, err := c.scope().Connection(ctx, c.id())
	if err != nil {
		return testOut{}, err
	}
	plain, err := s.Ring.Open(stored.Sealed, connectionPlace(stored.Tenant, stored.ID))
	if err != nil {
		return testOut{}, err
	}
	result, err := s.probe(ctx, c, tested{stored.Type, plain, stored.AllowPowerfulLogin})
	if fault.Is(err, fault.Unprocessable) {
		// Rules became stricter since it was stored. That is a result.
		result, err = s.failed(err), nil
	}
	if err != nil {
		return testOut{}, err
	}
	return result, c.scope().SetConnectionTest(ctx, stored.ID, result.encode())
}

func orElse(value *string, otherwise string) string {
	if value == nil {
		return otherwise
	}
	return *value
}
