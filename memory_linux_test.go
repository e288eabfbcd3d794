package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
	"github.com/mcp-gateway/mcp-gateway/internal/gatewaytest"
)

// status reads a memory figure of the process, in bytes: VmRSS is what it
// holds, VmHWM the most that it held since forgetPeak.
func (p *process) status(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no %s in the status of the process", name)
	return 0
}

// forgetPeak makes VmHWM begin anew (proc_pid_clear_refs(5)).
func (p *process) forgetPeak(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0o200); err != nil {
		t.Fatal(err)
	}
}

// attack sends the request n times at once. It returns the most memory that
// the process held meanwhile, and how many answers had which status; 0 is no
// answer.
func (p *process) attack(t *testing.T, n int, request func() *http.Request) (peak int, statuses map[int]int) {
	t.Helper()
	p.forgetPeak(t)
	statuses = map[int]int{}
	var mu sync.Mutex
	var senders sync.WaitGroup
	for range n {
		senders.Go(func() {
			status := 0
			if resp, err := http.DefaultClient.Do(request()); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				status = resp.StatusCode
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	senders.Wait()
	return p.status(t, "VmHWM"), statuses
}

// signedIn registers an organisation and returns its administrator.
func (p *process) signedIn(t *testing.T) *client.Client {
	t.Helper()
	anonymous := &client.Client{Base: p.base}
	if _, err := anonymous.Register(t.Context(), "Acme", "acme", "admin@acme.test", gatewaytest.Password); err != nil {
		t.Fatal(err)
	}
	admin, err := anonymous.Login(t.Context(), "acme", "admin@acme.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// filled repeats the unit, with commas between, to n bytes.
func filled(unit string, n int) string {
	return strings.TrimSuffix(strings.Repeat(unit+",", n/(len(unit)+1)), ",")
}

// numbered is filled with a number in place of the %d.
func numbered(unit string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, unit+",", i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

const attackSize = 15 << 20

// attackShapes are arguments in which decoding makes the most of each byte in
// its own way, with the status of their call.
func attackShapes() map[string]struct {
	arguments string
	status    int
} {
	const n = attackSize
	type shape = struct {
		arguments string
		status    int
	}
	return map[string]shape{
		"empty objects":      {`{"a":[` + filled(`{}`, n) + `]}`, 400},
		"objects":            {`{"a":[` + filled(`{"a":1}`, n) + `]}`, 400},
		"empty lists":        {`{"a":[` + filled(`[]`, n) + `]}`, 400},
		"members":            {`{` + numbered(`"k%d":1`, n) + `}`, 400},
		"one member again":   {`{` + filled(`"k":1`, n) + `}`, 400},
		"texts":              {`{"a":[` + filled(`"x"`, n) + `]}`, 400},
		"digits":             {`{"a":[` + filled(`7`, n) + `]}`, 400},
		"a long number":      {`{"a":` + strings.Repeat("7", 1<<20) + `}`, 400},
		"a large exponent":   {`{"a":[` + filled(`1e999999`, 1<<19) + `]}`, 200},
		"deep":               {strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000), 400},
		"a thousand deep":    {strings.Repeat(`{"a":`, 1000) + `1` + strings.Repeat(`}`, 1000), 400},
		"never closed":       {strings.Repeat(`[`, n), 400},
		"a long text":        {`{"a":"` + strings.Repeat("x", n) + `"}`, 200},
		"escapes":            {`{"a":"` + strings.Repeat(`\u0001`, n/6) + `"}`, 200},
		"a text of brackets": {`{"a":"` + strings.Repeat(`\"[{,`, n/5) + `"}`, 200},
		"a long name":        {`{"` + strings.Repeat("x", n) + `":1}`, 200},
		"most objects":       {`{"b":"` + strings.Repeat("x", n/2) + `","a":[` + filled(`{"a":1}`, 49_000*8) + `]}`, 200},
		"most members":       {`{"b":"` + strings.Repeat("x", n/2) + `",` + numbered(`"k%d":1`, 1<<20) + `}`, 200},
	}
}

func callMessage(name, arguments string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`
}

// post returns requests that send the body with the caller's credential.
func post(caller *client.Client, path, contentType, body string) func() *http.Request {
	return func() *http.Request {
		r, err := http.NewRequest(http.MethodPost, caller.Base+path, strings.NewReader(body))
		if err != nil {
			panic(err) // the test's own URL
		}
		if caller.Credential != "" {
			r.Header.Set("Authorization", "Bearer "+caller.Credential)
		}
		r.Header.Set("Content-Type", contentType)
		return r
	}
}

// TestArgumentsOfAnyShape: a call makes the gateway hold a small multiple of
// its bytes, and many calls at once no more than their tenant's share (contract
// 6.2, Argument check).
func TestArgumentsOfAnyShape(t *testing.T) {
	for name, shape := range attackShapes() {
		t.Run(name, func(t *testing.T) {
			p := newMeasuredProcess(t)
			admin := p.signedIn(t)
			body := callMessage("get_current_time", shape.arguments)
			checkMemory(t, p, shape.status, 5, post(admin, "/t/acme/mcp", "application/json", body), len(body))
			if _, err := admin.CallTool(t.Context(), "acme", "get_current_time", map[string]any{}); err != nil {
				t.Errorf("a call afterwards: %v", err)
			}
		})
	}
}

// checkMemory sends the request once and then 12 times at once. Once it may
// take some times its bytes, and at once what all of a tenant's requests may.
func checkMemory(t *testing.T, p *process, status, times int, request func() *http.Request, bytes int) {
	t.Helper()
	base := p.status(t, "VmRSS")
	for _, n := range []int{1, 12} {
		peak, statuses := p.attack(t, n, request)
		most := base + times*bytes + 25<<20
		if n > 1 {
			most = base + 300<<20
		}
		if peak > most {
			t.Errorf("%d at once: the gateway holds %d MB, want at most %d", n, peak>>20, most>>20)
		}
		if statuses[status]+statuses[http.StatusTooManyRequests] != n || statuses[status] == 0 {
			t.Errorf("%d at once: statuses %v, want %d", n, statuses, status)
		}
		t.Logf("%d at once: %d MB more, statuses %v", n, (peak-base)>>20, statuses)
	}
}

// TestRefusedArgumentsAreNotRepeated: a tool's schema refuses a large value
// without texts that are many times as large.
func TestRefusedArgumentsAreNotRepeated(t *testing.T) {
	const n = attackSize / 2
	for name, arguments := range map[string]string{
		"a text for a number":     `{"sql":"SELECT 1","limit":"` + strings.Repeat("x", n) + `"}`,
		"a text that is too long": `{"sql":"` + strings.Repeat("x", n) + `"}`,
		"a list for a text":       `{"sql":[` + filled(`"`+strings.Repeat("x", 200)+`"`, n) + `]}`,
		"an unknown member":       `{"sql":"SELECT 1","` + strings.Repeat("x", n) + `":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newMeasuredProcess(t)
			g := &gatewaytest.Gateway{DataDir: p.dir, Admin: p.signedIn(t)}
			_, execute := g.ConnectShop(t)
			body := callMessage(execute, arguments)
			checkMemory(t, p, http.StatusOK, 12, post(g.Admin, "/t/acme/mcp", "application/json", body), len(body))
		})
	}
}

// TestOtherBodiesOfAnyShape: so do the bodies of the management API and of the
// OAuth endpoints, for which most callers need not even sign in.
func TestOtherBodiesOfAnyShape(t *testing.T) {
	const n = 1<<20 - 100
	for name, c := range map[string]struct {
		path, contentType, body string
		signedIn                bool
		status                  int
	}{
		"objects as a field":  {"/api/v1/connections", "application/json", `{"name":[` + filled(`{"a":1}`, n) + `]}`, true, 422},
		"objects unknown":     {"/api/v1/connections", "application/json", `{"x":[` + filled(`{"a":1}`, n) + `]}`, true, 422},
		"members":             {"/api/v1/connections", "application/json", `{` + numbered(`"k%d":1`, n) + `}`, true, 422},
		"a list":              {"/api/v1/connections", "application/json", `[` + filled(`[]`, n) + `]`, true, 422},
		"login":               {"/auth/login", "application/json", `{"email":[` + filled(`{"a":1}`, n) + `]}`, false, 422},
		"login, deep":         {"/auth/login", "application/json", `{"email":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, false, 422},
		"registration":        {"/t/acme/oauth/register", "application/json", `{"redirect_uris":[` + filled(`""`, 65_000) + `]}`, false, 400},
		"registration, names": {"/t/acme/oauth/register", "application/json", `{` + numbered(`"k%d":1`, 65_000) + `}`, false, 400},
		"form":                {"/t/acme/oauth/token", "application/x-www-form-urlencoded", strings.Repeat("a&", 32_000), false, 400},
		"form, names":         {"/t/acme/oauth/token", "application/x-www-form-urlencoded", strings.ReplaceAll(numbered("k%d", 65_000), ",", "&"), false, 400},
	} {
		t.Run(name, func(t *testing.T) {
			p := newMeasuredProcess(t)
			caller := p.signedIn(t)
			if !c.signedIn {
				caller = &client.Client{Base: p.base}
			}
			base := p.status(t, "VmRSS")
			peak, statuses := p.attack(t, 8, post(caller, c.path, c.contentType, c.body))
			if most := base + 8*10*len(c.body) + 25<<20; peak > most {
				t.Errorf("the gateway holds %d MB, want at most %d", peak>>20, most>>20)
			}
			if statuses[c.status] != 8 {
				t.Errorf("statuses %v, want %d", statuses, c.status)
			}
			t.Logf("%d bytes: %d MB more, statuses %v", len(c.body), (peak-base)>>20, statuses)
		})
	}
}

// hostile is a request with the status of its answer.
type hostile struct {
	request func() *http.Request
	want    int
}

// hostileRequests are requests that are made of much else than arguments.
func hostileRequests(admin *client.Client) map[string]hostile {
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	with := func(body string, change func(r *http.Request)) func() *http.Request {
		return func() *http.Request {
			r := post(admin, "/t/acme/mcp", "application/json", body)()
			change(r)
			return r
		}
	}
	get := func(path string) func() *http.Request {
		return func() *http.Request {
			r := post(admin, path, "", "")()
			r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0
			return r
		}
	}
	message := func(members string) func() *http.Request {
		return with(`{"jsonrpc":"2.0","id":1,"method":"ping"`+members+`}`, func(*http.Request) {})
	}
	return map[string]hostile{
		"a thousand headers": {with(ping, func(r *http.Request) {
			for i := range 1000 {
				r.Header.Set(fmt.Sprintf("X-%d", i), "x")
			}
		}), 200},
		"many headers": {with(ping, func(r *http.Request) {
			for i := range 10_000 {
				r.Header.Set(fmt.Sprintf("X-%d", i), "x")
			}
		}), 431},
		"many cookies":            {with(ping, func(r *http.Request) { r.Header.Set("Cookie", strings.Repeat("a=b; ", 6000)) }), 200},
		"a long query":            {with(ping, func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a&", 100_000) }), 431},
		"many parameters":         {get("/t/acme/oauth/authorize?" + strings.Repeat("a&", 15_000)), 400},
		"parameters of audit":     {get("/audit-logs?" + strings.Repeat("limit=1&", 3_000)), 200},
		"gzip":                    {with("\x1f\x8b\x08"+ping, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), 400},
		"a batch":                 {with("["+filled(ping, 4<<20)+"]", func(*http.Request) {}), 400},
		"meta of objects":         {message(`,"params":{"_meta":{"x":[` + filled(`{"a":1}`, attackSize) + `]}}`), 400},
		"meta of a text":          {message(`,"params":{"_meta":{"x":"` + strings.Repeat("x", attackSize) + `"}}`), 200},
		"a result":                {message(`,"result":[` + filled(`[]`, attackSize) + `]`), 400},
		"unknown members":         {message(`,` + numbered(`"k%d":1`, attackSize)), 400},
		"a long id":               {with(`{"jsonrpc":"2.0","method":"ping","id":"`+strings.Repeat("x", attackSize)+`"}`, func(*http.Request) {}), 400},
		"a long method":           {with(`{"jsonrpc":"2.0","id":1,"method":"`+strings.Repeat("x", attackSize)+`"}`, func(*http.Request) {}), 200},
		"a body that is too long": {with(`"`+strings.Repeat("x", 17<<20)+`"`, func(*http.Request) {}), 413},
		"an unannounced one":      {with(ping+strings.Repeat(" ", 17<<20), func(r *http.Request) { r.ContentLength = -1 }), 413},
	}
}

// TestHostileRequests: whatever else a request is made of, it takes little, and
// the gateway answers the next one.
func TestHostileRequests(t *testing.T) {
	p := newMeasuredProcess(t)
	admin := p.signedIn(t)
	base := p.status(t, "VmRSS")
	for name, c := range hostileRequests(admin) {
		peak, statuses := p.attack(t, 1, c.request)
		if most := base + 120<<20; peak > most {
			t.Errorf("%s: the gateway holds %d MB, want at most %d", name, peak>>20, most>>20)
		}
		if statuses[c.want] != 1 {
			t.Errorf("%s: statuses %v, want %d", name, statuses, c.want)
		}
		t.Logf("%s: %d MB more", name, (peak-base)>>20)
		if _, err := admin.CallTool(t.Context(), "acme", "get_current_time", map[string]any{}); err != nil {
			t.Errorf("a call after %s: %v", name, err)
		}
	}
}

// TestAnnouncedBodiesHoldNobodyUp: one user announces many large bodies and
// does not send them. The gateway holds little for them, and others of the
// tenant are served.
func TestAnnouncedBodiesHoldNobodyUp(t *testing.T) {
	p := newMeasuredProcess(t)
	admin := p.signedIn(t)
	if _, err := admin.CreateUser(t.Context(), "viewer@acme.test", gatewaytest.Password, "viewer"); err != nil {
		t.Fatal(err)
	}
	viewer, err := admin.Login(t.Context(), "acme", "viewer@acme.test", gatewaytest.Password)
	if err != nil {
		t.Fatal(err)
	}
	base := p.status(t, "VmRSS")
	p.forgetPeak(t)
	for range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /t/acme/mcp HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			strings.TrimPrefix(p.base, "http://"), admin.Credential, attackSize, strings.Repeat(" ", 100<<10))
	}
	large := callMessage("get_current_time", `{"a":"`+strings.Repeat("x", 4<<20)+`"}`)
	_, statuses := p.attack(t, 4, post(viewer, "/t/acme/mcp", "application/json", large))
	if statuses[http.StatusOK] != 4 {
		t.Errorf("another user's calls: %v", statuses)
	}
	if _, err := admin.CallTool(t.Context(), "acme", "get_current_time", map[string]any{}); err != nil {
		t.Errorf("a small call of the same user: %v", err)
	}
	if grown := p.status(t, "VmHWM") - base; grown > 150<<20 {
		t.Errorf("the gateway grew by %d MB", grown>>20)
	} else {
		t.Logf("the gateway grew by %d MB", grown>>20)
	}
}
