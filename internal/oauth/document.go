package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/mcp-gateway/mcp-gateway/internal/jsonbound"
)

// How long a client metadata document is used: by HTTP's rules within these
// bounds (contract 4.5). A failure is kept for a moment, so that a page that
// is reloaded does not make us knock at a stranger's door each time.
const (
	documentLeast = 5 * time.Minute
	documentMost  = 24 * time.Hour
	failureLife   = 30 * time.Second
)

// maxDocuments bounds the cache: client ids are what callers type.
const maxDocuments = 1000

// maxDocumentRedirects bounds the redirect URIs of a document.
const maxDocumentRedirects = 100

// documents fetches and keeps client metadata documents. They are the same for
// every tenant.
type documents struct {
	http *http.Client
	now  func() time.Time

	mu   sync.Mutex
	kept map[string]keptDocument // by client_id
}

type keptDocument struct {
	metadata
	err   error
	until time.Time
}

func newDocuments(client *http.Client, now func() time.Time) *documents {
	return &documents{http: client, now: now, kept: map[string]keptDocument{}}
}

// get returns the document of a client. A pinned copy answers for clients
// whose servers turn data centres away, as long as it lists the redirect URI;
// else, and for all other clients, the live document is asked.
func (d *documents) get(ctx context.Context, id, redirectURI string) (metadata, error) {
	if kept, ok := d.fresh(id); ok && kept.err == nil {
		return kept.metadata, nil
	}
	copied, pinned := pinnedDocument(id)
	if pinned && registered(copied.RedirectURIs, redirectURI) {
		return copied, nil
	}
	live, err := d.live(ctx, id)
	if err != nil && pinned {
		return copied, nil
	}
	return live, err
}

func (d *documents) fresh(id string) (keptDocument, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept, ok := d.kept[id]
	return kept, ok && d.now().Before(kept.until)
}

// live returns the cached outcome of the last fetch, or fetches.
func (d *documents) live(ctx context.Context, id string) (metadata, error) {
	kept, ok := d.fresh(id)
	if !ok {
		kept = d.fetch(ctx, id)
		if ctx.Err() == nil { // else the failure is the caller's
			d.keep(id, kept)
		}
	}
	return kept.metadata, kept.err
}

func (d *documents) keep(id string, kept keptDocument) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.kept) >= maxDocuments {
		maps.DeleteFunc(d.kept, func(_ string, k keptDocument) bool { return k.err != nil || !d.now().Before(k.until) })
	}
	if len(d.kept) >= maxDocuments {
		clear(d.kept)
	}
	d.kept[id] = kept
}

func (d *documents) fetch(ctx context.Context, id string) keptDocument {
	m, life, err := d.read(ctx, id)
	if err != nil {
		return keptDocument{err: fmt.Errorf("client metadata document %s: %w", id, err), until: d.now().Add(failureLife)}
	}
	return keptDocument{metadata: m, until: d.now().Add(life)}
}

func (d *documents) read(ctx context.Context, id string) (m metadata, life time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, id, nil)
	if err != nil {
		return m, 0, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := d.http.Do(req)
	if err != nil {
		return m, 0, err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return m, 0, err
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode != http.StatusOK:
		return m, 0, fmt.Errorf("status %d", resp.StatusCode)
	case media != "application/json" && !strings.HasSuffix(media, "+json"):
		return m, 0, fmt.Errorf("content type %q", media)
	}
	if _, err := jsonbound.Measure(body, maxMetadataValues); err != nil {
		return m, 0, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, 0, err
	}
	return m, lifeOf(resp.Header, d.now()), m.checkDocument(id)
}

// checkDocument applies the rules of a document that is at the URL id. Which
// of its redirect URIs may be used is judged when one is.
func (m *metadata) checkDocument(id string) error {
	switch {
	case m.ClientID != id:
		return errors.New("client_id is not the document's own URL")
	case len(m.RedirectURIs) == 0 || len(m.RedirectURIs) > maxDocumentRedirects:
		return fmt.Errorf("%d redirect_uris", len(m.RedirectURIs))
	}
	u, err := url.Parse(id)
	if err != nil {
		return err
	}
	return errors.Join(m.checkName(u.Hostname()), m.checkMethods())
}

// lifeOf is how long a response is fresh (RFC 9111, section 4.2), within our
// bounds.
func lifeOf(h http.Header, now time.Time) time.Duration {
	life := time.Duration(0)
	if expires, err := http.ParseTime(h.Get("Expires")); err == nil {
		life = expires.Sub(now)
	}
	for directive := range strings.SplitSeq(strings.ToLower(h.Get("Cache-Control")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return documentLeast
		case "max-age":
			if seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil {
				life = time.Duration(seconds) * time.Second
			}
		}
	}
	if age, err := strconv.ParseInt(h.Get("Age"), 10, 32); err == nil && age > 0 {
		life -= time.Duration(age) * time.Second
	}
	return min(max(life, documentLeast), documentMost)
}

// pinnedDocument is our copy of a large client's document.
func pinnedDocument(id string) (metadata, bool) {
	m := metadata{ClientID: id}
	switch id {
	case "https://claude.ai/oauth/mcp-oauth-client-metadata":
		m.Name = "Claude"
		m.RedirectURIs = []string{"https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"}
	case "https://claude.ai/oauth/claude-code-client-metadata":
		m.Name = "Claude Code"
		m.RedirectURIs = []string{"http://localhost/callback", "http://127.0.0.1/callback"}
	case "https://chatgpt.com/oauth/client.json":
		m.Name = "ChatGPT"
		m.RedirectURIs = []string{"https://chatgpt.com/connector_platform_oauth_redirect"}
	case "https://vscode.dev/oauth/client-metadata.json":
		m.Name = "Visual Studio Code"
		m.RedirectURIs = []string{"http://127.0.0.1:33418/", "https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect"}
	default:
		return metadata{}, false
	}
	return m, true
}
