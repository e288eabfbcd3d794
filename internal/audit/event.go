// Package audit records what happened. [Log.Record] returns only when the
// record is durable, many callers sharing one commit, so that a result can be
// withheld until its record exists.
package audit

import (
	"maps"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// MaxEventName is the longest event name, in bytes (contract 12).
const MaxEventName = 120

// Event is one audit record before it is stored.
type Event struct {
	Name      string            // contract 10, e.g. "tool.execute_sql"
	Tenant    identity.TenantID // empty when no tenant is known
	User      identity.UserID   // empty when no user is known
	UserEmail string            // kept when the user is deleted
	IP        string            // client address, contract 11 TRUSTED_PROXIES
	RequestID string
	Auth      string // how the caller signed in, see identity.Principal.Auth
	At        time.Time
	// Metadata is the event's own data (contract 10). It never holds secrets,
	// connection strings, tokens or file contents.
	Metadata map[string]any

	encoded []byte // the document, once Encoded made it
}

// Encoded returns the event with its document encoded, so that the callers of
// a log encode side by side and its one writer only writes.
func (e Event) Encoded() (Event, error) {
	var err error
	e.encoded, err = e.JSON()
	return e, err
}

// Kept is a text in an event's metadata that is stored sealed, beside the
// record, for the operator alone. It is never part of the document.
type Kept string

// Statement returns the text that the event keeps, empty for none.
func (e Event) Statement() string {
	kept, _ := e.Metadata[keptStatement].(Kept)
	return string(kept)
}

// keptStatement is the name under which metadata holds a kept statement.
const keptStatement = "sql_full"

// JSON returns the document, encoded.
func (e Event) JSON() ([]byte, error) {
	if e.encoded != nil {
		return e.encoded, nil
	}
	return appendObject(make([]byte, 0, 512), e.Document())
}

// By fills in who did it.
func (e Event) By(p identity.Principal) Event {
	e.Tenant, e.User, e.UserEmail, e.Auth = p.Tenant, p.User, p.Email, p.Auth
	return e
}

// Document returns the metadata as it is stored: the event's own data with
// user_email, request_id and auth added (contract 10).
func (e Event) Document() map[string]any {
	doc := make(map[string]any, len(e.Metadata)+3)
	maps.Copy(doc, e.Metadata)
	if e.Statement() != "" {
		delete(doc, keptStatement)
	}
	set(doc, "user_email", e.UserEmail)
	set(doc, "request_id", e.RequestID)
	set(doc, "auth", e.Auth)
	return doc
}

func set(doc map[string]any, name, value string) {
	if value != "" {
		doc[name] = value
	}
}
