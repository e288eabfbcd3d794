package oauth

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// transaction is a sign-in in progress, in front of the browser that began it.
type transaction struct {
	store.OAuthState
	state  string // the secret itself
	tenant store.Tenant
	client store.OAuthClient
	used   bool // up, by an answer of a provider
}

// outcome is what a step makes of a transaction. It is one of the types below.
type outcome interface{ isOutcome() }

type (
	// signedIn is a person who has proved who they are, and by doing so on our
	// page has allowed the client (contract 4.6).
	signedIn struct {
		user  store.User
		event audit.Event // how: oauth.login, oauth.entra_login
	}
	// denied ends the transaction without a grant. The client is told.
	denied struct {
		text  string
		event audit.Event
	}
	// again shows the page once more, with a text.
	again struct{ text, email string }
	// away sends the browser to an identity provider, from where it returns to
	// the same transaction.
	away struct{ url string }
)

func (signedIn) isOutcome() {}
func (denied) isOutcome()   {}
func (again) isOutcome()    {}
func (away) isOutcome()     {}

// step is what a person wants to do on the page.
type step func(*visit, *transaction) (outcome, error)

// advance finds the transaction behind a state, lets one step act on it, and
// carries out what comes of it. It is the only place where a transaction ends.
func (s *Server) advance(v *visit, state string, act step) error {
	t, err := s.transaction(v, state)
	if err != nil {
		return err
	}
	v.about = map[string]any{"client_id": t.ClientID}
	result, err := act(v, t)
	if err != nil {
		return err
	}
	switch o := result.(type) {
	case again:
		return s.signInPage(v, t, o.text, o.email)
	case away:
		redirect(v.w, o.url)
		return nil
	case denied:
		return s.deny(v, t, o)
	case signedIn:
		return s.grant(v, t, o)
	default:
		return fault.New(fault.Internal, "no outcome")
	}
}

const textState = "Invalid or expired OAuth2 state"

func errState() error { return refuse(codeInvalidRequest, textState) }

// transaction finds an open sign-in of this tenant and of this browser
// (contract 15.2 A11). Whatever is wrong with it, the answer is the same.
func (s *Server) transaction(v *visit, state string) (*transaction, error) {
	row, err := s.Store.OAuthState(v.ctx(), hashSecret(state))
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, errState()
	case err != nil:
		return nil, err
	case row.Tenant != v.tenant.ID || row.Kind != auth.KindMCP || !s.ofBrowser(v.r, row):
		return nil, errState()
	}
	client, err := s.Store.Tenant(row.Tenant).OAuthClient(v.ctx(), row.ClientID)
	return &transaction{OAuthState: row, state: state, tenant: v.tenant, client: client}, clientUnlessFound(err)
}

func (s *Server) ofBrowser(r *http.Request, row store.OAuthState) bool {
	c, err := r.Cookie(s.cookieName(row.Hash))
	return err == nil && subtle.ConstantTimeCompare([]byte(hashSecret(c.Value)), []byte(row.CookieHash)) == 1
}

// grant ends the transaction with a code: state used, code stored and records
// written together, so that of two submissions one counts.
func (s *Server) grant(v *visit, t *transaction, o signedIn) error {
	code := secret()
	err := s.Store.Tenant(t.tenant.ID).Write(v.ctx(), func(tx *store.Tx) error {
		ctx := v.ctx()
		if err := takeState(ctx, tx, t); err != nil {
			return err
		}
		consent := v.event("oauth.consent_granted", map[string]any{
			"client_id": t.ClientID, "client_name": t.client.Name, "scope": t.Scope, "redirect_host": redirectHost(t.RedirectURI),
		})
		consent.User, consent.UserEmail = o.user.ID, o.user.Email
		consent.Auth, o.event.Auth = "oauth:"+t.ClientID, "oauth:"+t.ClientID
		tx.Record(o.event)
		tx.Record(consent)
		if err := sameAccess(ctx, tx, o.user); err != nil {
			return err
		}
		if err := tx.SetUserLoggedIn(ctx, o.user.ID); err != nil {
			return err
		}
		if err := tx.UseOAuthClient(ctx, t.ClientID); err != nil {
			return clientUnlessFound(err)
		}
		return tx.CreateOAuthCode(ctx, store.OAuthCode{
			Hash: hashSecret(code), User: o.user.ID, ClientID: t.ClientID, RedirectURI: t.RedirectURI,
			CodeChallenge: t.CodeChallenge, ChallengeMethod: methodS256, Scope: t.Scope, Resource: t.Resource,
			Family: secret(), ExpiresAt: tx.Now().Add(s.CodeLife),
		})
	})
	if err != nil {
		return err
	}
	s.leave(v, t, url.Values{"code": {code}})
	return nil
}

// sameAccess refuses a person whose access has ended since they proved who they
// are: what ended it found no code to end. It also locks the user, so that what
// comes later finds one.
func sameAccess(ctx context.Context, tx *store.Tx, u store.User) error {
	now, err := tx.User(ctx, u.ID)
	if fault.Is(err, fault.NotFound) || err == nil && (!now.Active || now.Epoch != u.Epoch) {
		return refuse(codeAccessDenied, textAuthentication)
	}
	return err
}

// deny ends the transaction without a grant.
func (s *Server) deny(v *visit, t *transaction, o denied) error {
	err := s.Store.Tenant(t.tenant.ID).Write(v.ctx(), func(tx *store.Tx) error {
		tx.Record(o.event)
		return takeState(v.ctx(), tx, t)
	})
	if err != nil {
		return err
	}
	s.leave(v, t, url.Values{"error": {codeAccessDenied}, "error_description": {o.text}})
	return nil
}

// takeState uses the transaction up together with what it leads to, unless its
// leg to a provider has used it up before.
func takeState(ctx context.Context, tx *store.Tx, t *transaction) error {
	if t.used {
		return nil
	}
	_, err := tx.TakeOAuthState(ctx, t.Hash)
	return stateUnlessFound(err)
}

// useState uses the transaction up at once.
func (s *Server) useState(ctx context.Context, t *transaction) error {
	_, err := s.Store.Tenant(t.tenant.ID).TakeOAuthState(ctx, t.Hash)
	t.used = err == nil
	return stateUnlessFound(err)
}

func stateUnlessFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errState()
	}
	return err
}

// clientUnlessFound refuses a client that was deleted while somebody signed in.
func clientUnlessFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errUnknownClient(err)
	}
	return err
}

// leave sends the browser back to the client with the answer (contract 4.4),
// which always says who gives it (RFC 9207).
func (s *Server) leave(v *visit, t *transaction, answer url.Values) {
	answer.Set("state", t.ClientState)
	answer.Set("iss", s.urls.Tenant(t.tenant.Slug))
	s.setCookie(v.w, t.Hash, "", -1)
	redirect(v.w, withQuery(t.RedirectURI, answer))
}

// redirect does without http.Redirect, which would write a body with a link
// and rewrite what it takes for a relative path.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// login is the form of the sign-in page.
func (s *Server) login(v *visit) error {
	form, _, err := readForm(v.w, v.r)
	if err != nil {
		return err
	}
	act := s.password(form)
	switch form["action"] {
	case "", "allow":
	case "deny":
		act = s.cancel
	default:
		return refuse(codeInvalidRequest, "action must be allow or deny")
	}
	return s.advance(v, form["state"], act)
}

// cancel is the person saying no.
func (s *Server) cancel(v *visit, t *transaction) (outcome, error) {
	return denied{text: "The request was denied", event: s.loginFailure(v, t, "", "denied")}, nil
}

// password signs in with what was typed.
func (s *Server) password(form params) step {
	return func(v *visit, t *transaction) (outcome, error) {
		offer, err := s.SSO.Offer(v.ctx(), t.tenant.ID)
		if err != nil {
			return nil, err
		}
		if !offer.Password {
			return again{text: textNoPasswords}, nil
		}
		return s.checkPassword(v, t, form)
	}
}

const textNoPasswords = "This organisation signs in through its identity provider"

func (s *Server) checkPassword(v *visit, t *transaction, form params) (outcome, error) {
	email, ok := auth.CleanEmail(form["email"])
	if !ok {
		email = printable(email) // nobody's, but it is recorded
	}
	account, err := s.Auth.CheckPassword(v.ctx(), auth.Attempt{
		Email: email, Password: form["password"], Slug: t.tenant.Slug, Client: v.from, Cookies: v.r.Cookies(),
	})
	refused, ok := err.(*auth.Refused)
	switch {
	case ok:
		failure := s.loginFailure(v, t, email, refused.Reason)
		if len(refused.Accounts) == 1 {
			failure.User, failure.UserEmail = refused.Accounts[0].ID, refused.Accounts[0].Email
		}
		return again{refused.Fault.Public, form["email"]}, s.Audit.Record(v.ctx(), failure)
	case err != nil:
		return nil, err
	}
	s.Auth.RememberDevice(v.w, account.User)
	event := v.event("oauth.login", map[string]any{"client_id": t.ClientID})
	event.User, event.UserEmail = account.ID, account.Email
	return signedIn{account.User, event}, nil
}

func (s *Server) loginFailure(v *visit, t *transaction, email, reason string) audit.Event {
	e := v.event("oauth.login_failure", map[string]any{"email": email, "client_id": t.ClientID, "reason": reason})
	e.At = s.Now()
	return e
}
