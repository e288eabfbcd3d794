package audit

import (
	"context"
	"encoding/json"
	"log/slog"
)

// Lines returns a Config.Stored that writes each event as a log line, for
// collectors that read the gateway's output (contract 15.2, P16).
func Lines(logger *slog.Logger) func(Event) {
	return func(e Event) {
		if !logger.Enabled(context.Background(), slog.LevelInfo) {
			return
		}
		doc, err := e.JSON()
		if err != nil {
			return // it could not be stored either
		}
		logger.LogAttrs(context.Background(), slog.LevelInfo, "audit",
			slog.String("event", e.Name),
			slog.String("tenant_id", string(e.Tenant)),
			slog.String("user_id", string(e.User)),
			slog.String("ip_address", e.IP),
			slog.Time("at", e.At.UTC()),
			slog.Any("metadata", json.RawMessage(doc)),
		)
	}
}
