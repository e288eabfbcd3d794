package mcp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// cancelMessage cancels the call of waitMessage.
const cancelMessage = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}}`

// TestCancellationThroughAnotherInstance: who called may cancel wherever a
// balancer brings the notification, and nobody else.
func TestCancellationThroughAnotherInstance(t *testing.T) {
	w := waitTool()
	one, two, between := startTwo(t, []tool.Provider{tool.Static{w.Tool}})
	second := principal("analyst", identity.Analyst)
	second.Credential = "another"
	one.users.set("mgw_second", second)
	namesake := principal("analyst", identity.Analyst)
	namesake.Tenant, namesake.Slug = "tenant-other", "other"
	one.users.set("mgw_namesake", namesake)
	answer := callWait(t, t.Context(), one, w)
	strangers := []struct{ path, key, message string }{
		{"/t/acme/mcp", viewerKey, cancelMessage},
		{"/t/acme/mcp", "mgw_second", cancelMessage},
		{"/t/other/mcp", "mgw_namesake", cancelMessage},
		{"/t/acme/mcp", analystKey, strings.Replace(cancelMessage, `"w"`, `"v"`, 1)},
	}
	for _, s := range strangers {
		if res := two.send(t, t.Context(), http.MethodPost, s.path, s.key, s.message); res.StatusCode != http.StatusAccepted {
			t.Fatalf("POST = %s", res.Status)
		}
	}
	if got := len(between.events()); got != len(strangers) {
		t.Errorf("told %d times, want %d", got, len(strangers))
	}
	// Had one of them ended the call, it would not be found here.
	one.post(t, "/t/acme/mcp", cancelMessage, http.StatusAccepted)
	receive(t, w.ended, "call is cancelled")
	<-answer
	if got := len(between.events()); got != len(strangers) {
		t.Errorf("a call that runs here is told of elsewhere, or was cancelled by a stranger: %d events", got)
	}

	answer = callWait(t, t.Context(), one, w)
	two.post(t, "/t/acme/mcp", cancelMessage, http.StatusAccepted)
	receive(t, w.ended, "call is cancelled through the other instance")
	if got := <-answer; !strings.Contains(got, `"text":"Error: cancelled"`) {
		t.Errorf("answer = %s", got)
	}
}

// TestCancellationIsNotToldInVain: what can be no call of another instance
// stays here, and a bus that is down is no fault of the client's.
func TestCancellationIsNotToldInVain(t *testing.T) {
	w := waitTool()
	one, two, between := startTwo(t, []tool.Provider{tool.Static{w.Tool}})
	_, endpoint := one.openSSE(t, "/t/acme/mcp/sse", analystKey)
	one.post(t, endpoint, cancelMessage, http.StatusAccepted)
	long := strings.Replace(cancelMessage, `"w"`, `"`+strings.Repeat("w", 5000)+`"`, 1)
	two.post(t, "/t/acme/mcp", long, http.StatusAccepted)
	if got := between.events(); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	between.fail(fault.New(fault.Unavailable, "Redis unavailable"))
	two.post(t, "/t/acme/mcp", cancelMessage, http.StatusAccepted)
}
