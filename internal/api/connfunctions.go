package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// The states of a function on a connection.
const (
	functionAllowed  = "allowed"  // statements may run it
	functionProposed = "proposed" // it is in the database and not on the list
	functionChanged  = "changed"  // it was edited since it was allowed, and is refused
	functionMissing  = "missing"  // it is on the list and not in the database
)

func functionStates() []string {
	return []string{functionAllowed, functionProposed, functionChanged, functionMissing}
}

// functionOut is a function of the users' own with what was decided about it.
type functionOut struct {
	Signature  string     `json:"signature"`
	Returns    string     `json:"returns"`
	Volatility string     `json:"volatility" doc:"In the engine's own word."`
	Language   string     `json:"language"`
	Source     string     `json:"source" doc:"The definition; empty when the connection's login may not see it."`
	Hash       string     `json:"hash" doc:"Identifies the definition. Send it back to allow the function."`
	Status     string     `json:"status" enum:"allowed,proposed,changed,missing"`
	AllowedBy  *string    `json:"allowed_by" doc:"The e-mail of the administrator who allowed it; null when nobody did or the account is gone."`
	AllowedAt  *time.Time `json:"allowed_at"`
}

func functionsQuery() []*huma.Param {
	states := []any{}
	for _, s := range functionStates() {
		states = append(states, s)
	}
	return append(pagingQuery(listDefault, listCap), &huma.Param{
		Name: "status", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: states}, Description: "Only functions in this state.",
	})
}

func functionQuery() []*huma.Param {
	return []*huma.Param{{Name: "signature", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
}

func (s *server) listFunctions(ctx context.Context, c *call) ([]functionOut, error) {
	page, err := c.page(listDefault, listCap)
	if err != nil {
		return nil, err
	}
	status := c.r.URL.Query().Get("status")
	if status != "" && !slices.Contains(functionStates(), status) {
		return nil, httpx.Invalid(httpx.BadValue(status, "status must be allowed, proposed, changed or missing", "query", "status"))
	}
	all, err := s.functions(ctx, c)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f functionOut) bool { return status != "" && f.Status != status })
	from := min(page.Skip, len(all))
	return all[from:min(from+page.Limit, len(all))], nil
}

// functions merges what the connection's database has with what is allowed,
// by signature.
func (s *server) functions(ctx context.Context, c *call) ([]functionOut, error) {
	connection, err := c.scope().Connection(ctx, c.id())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, database.QueryTimeout)
	defer cancel()
	found, err := s.Databases.Functions(ctx, c.who, connection.ID)
	if err != nil {
		return nil, databaseFault(err)
	}
	allowed, err := c.scope().AllowedFunctions(ctx)
	if err != nil {
		return nil, err
	}
	listed := map[string]store.AllowedFunction{}
	for _, f := range allowed {
		if f.Connection == connection.ID {
			listed[f.Signature] = f
		}
	}
	return mergeFunctions(found, listed), nil
}

func mergeFunctions(found []database.Function, listed map[string]store.AllowedFunction) []functionOut {
	out := make([]functionOut, 0, len(found))
	for _, f := range found {
		o := functionOut{
			Signature: f.Signature, Returns: f.Returns, Volatility: f.Volatility, Language: f.Language, Source: f.Source, Hash: f.Hash,
			Status: functionProposed,
		}
		if l, ok := listed[f.Signature]; ok {
			o.allowedAs(l)
			delete(listed, f.Signature)
		}
		out = append(out, o)
	}
	for _, l := range listed {
		o := functionOut{Signature: l.Signature}
		o.allowedAs(l)
		o.Hash, o.Status = l.Hash, functionMissing
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b functionOut) int { return cmp.Compare(a.Signature, b.Signature) })
	return out
}

// allowedAs adds what was decided. A definition with another hash than the one
// that was allowed is a changed one.
func (o *functionOut) allowedAs(l store.AllowedFunction) {
	o.Status = functionAllowed
	if l.Hash != o.Hash {
		o.Status = functionChanged
	}
	o.AllowedBy, o.AllowedAt = textOrNull(l.AllowedBy), orNull(l.AllowedAt)
}

// databaseFault words a failure of the user's database: the gateway works, what
// is behind it does not.
func databaseFault(err error) error {
	switch f := fault.Of(err); f.Kind {
	case fault.Unavailable:
		return fault.Wrap(fault.BadGateway, err, "Database unavailable: "+f.Public)
	case fault.Timeout:
		return fault.Wrap(fault.BadGateway, err, "Database unavailable: "+database.ErrTimedOut)
	case fault.Invalid:
		return fault.Wrap(fault.BadGateway, err, "The functions could not be read: "+f.Public)
	default:
		return err
	}
}

type allowIn struct {
	Signature string `json:"signature" minLength:"1" maxLength:"2000" doc:"As the list shows it."`
	Hash      string `json:"hash" minLength:"1" maxLength:"128" doc:"Of the definition that you have read."`
}

// allowFunction puts a function on the list if its definition is still the one
// that the administrator has read.
func (s *server) allowFunction(ctx context.Context, c *call, in allowIn) (functionOut, error) {
	all, err := s.functions(ctx, c)
	if err != nil {
		return functionOut{}, err
	}
	at := slices.IndexFunc(all, func(f functionOut) bool { return f.Signature == in.Signature && f.Status != functionMissing })
	switch {
	case at < 0:
		return functionOut{}, fault.New(fault.NotFound, "Function not found")
	case all[at].Source == "":
		return functionOut{}, fault.New(fault.Invalid, "The connection's login may not see the definition of this function. Nobody could tell what is allowed, or notice a change.")
	case all[at].Hash != in.Hash:
		return functionOut{}, fault.New(fault.Conflict, "The function has changed since")
	case all[at].Status == functionAllowed:
		return all[at], nil
	}
	f := store.AllowedFunction{Connection: c.id(), Signature: in.Signature, Hash: in.Hash, AllowedBy: c.who.Email, AllowedAt: s.moment()}
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		f.AllowedAt = tx.Now()
		tx.Record(c.event(c.route.event, functionDetail(f)))
		return tx.AllowFunction(ctx, f, c.who.User)
	})
	if err != nil {
		return functionOut{}, err
	}
	s.connectionChanged(c, f.Connection)
	all[at].allowedAs(f)
	return all[at], nil
}

func functionDetail(f store.AllowedFunction) map[string]any {
	return map[string]any{"connection_id": f.Connection, "signature": f.Signature, "hash": f.Hash}
}

// removeFunction needs no database: an administrator can take back what was
// allowed while it is down.
func (s *server) removeFunction(ctx context.Context, c *call) (detailOut, error) {
	signature, err := c.required("signature")
	if err != nil {
		return detailOut{}, err
	}
	f := store.AllowedFunction{Connection: c.id(), Signature: signature}
	err = c.scope().Write(ctx, func(tx *store.Tx) error {
		if f.Hash, err = tx.RemoveFunction(ctx, f.Connection, f.Signature); err != nil {
			return err
		}
		tx.Record(c.event(c.route.event, functionDetail(f)))
		return nil
	})
	if err != nil {
		return detailOut{}, err
	}
	s.connectionChanged(c, f.Connection)
	return detailOut{"Function removed"}, nil
}
