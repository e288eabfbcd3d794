package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

func lineOf(t *testing.T, level slog.Level, log func(*slog.Logger)) map[string]any {
	t.Helper()
	var b bytes.Buffer
	log(NewLogs(&b, level).Logger("gate"))
	if b.Len() == 0 {
		return nil
	}
	if strings.Count(b.String(), "\n") != 1 {
		t.Fatalf("not one line: %q", &b)
	}
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func TestLineHasTheContractsShape(t *testing.T) {
	line := lineOf(t, slog.LevelInfo, func(l *slog.Logger) { l.Warn("slow\nquery", "rows", 7) })
	if line["level"] != "WARNING" || line["logger"] != "gate" || line["msg"] != "slow\nquery" || line["rows"] != float64(7) {
		t.Errorf("line %v", line)
	}
	ts, _ := line["ts"].(string)
	if at, err := time.Parse(time.RFC3339Nano, ts); err != nil || !strings.HasSuffix(ts, "Z") || time.Since(at) > time.Hour {
		t.Errorf("ts %q", ts)
	}
	if line := lineOf(t, slog.LevelError, func(l *slog.Logger) { l.Warn("quiet") }); line != nil {
		t.Errorf("below the level: %v", line)
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	header := http.Header{"Authorization": {"Bearer hunter2"}, "X-Api-Key": {"hunter2"}, "Cookie": {"s=hunter2"}, "Accept": {"*/*"}}
	line := lineOf(t, slog.LevelInfo, func(l *slog.Logger) {
		l.With("api_key", "hunter2").WithGroup("g").Info("dial postgres://u:hunter2@h/db",
			"password", "hunter2", "X-API-Key", "hunter2", "Set-Cookie", "hunter2", "connection_string", "hunter2",
			"access_token", []string{"hunter2"}, "client_secret", slog.StringValue("hunter2"),
			"error", errors.New("connect mysql://root:hunter2@db:3306/x: refused"), "headers", header,
			slog.Group("deep", "refresh_token", "hunter2"),
			"max_tokens", 1024, "empty_password", "")
	})
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") {
		t.Errorf("a secret is logged: %s", text)
	}
	group, _ := line["g"].(map[string]any)
	if group["max_tokens"] != float64(1024) || group["empty_password"] != "" {
		t.Errorf("too much is redacted: %v", group)
	}
	if h, _ := group["headers"].(map[string]any); h == nil || h["Accept"] == nil {
		t.Errorf("harmless headers are gone: %v", group["headers"])
	}
}

func TestScrubText(t *testing.T) {
	random := strings.Repeat("aB3_-", 8) + "xyz"
	for in, want := range map[string]string{
		"plain text":                                "plain text",
		"https://example.com/a?b=c":                 "https://example.com/a?b=c",
		"postgres://u:p@ss/w@rd@h:5432/db":          "postgres://u:REDACTED@h:5432/db",
		"redis://:pw@h":                             "redis://:REDACTED@h",
		"two a://b:c@d and e://f:g@h":               "two a://b:REDACTED@d and e://f:REDACTED@h",
		"host=h user=u password=p sslmode=disable":  "host=h user=u password=REDACTED sslmode=disable",
		"password='p w' x":                          "password=REDACTED x",
		"server=h;user id=sa;Pwd=p;x=y":             "server=h;user id=sa;Pwd=REDACTED;x=y",
		"key mgw_AbCdEf12_" + random + " refused":   "key mgw_AbCdEf12_REDACTED refused",
		"mgw_rt_" + random:                          "mgw_rt_REDACTED",
		"prefix mgw_AbCdEf12 only":                  "prefix mgw_AbCdEf12 only",
		"Bearer eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl !": "Bearer REDACTED !",
	} {
		if got := ScrubText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
