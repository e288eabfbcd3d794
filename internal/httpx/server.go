package httpx

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns a server with the time limits of contract 11.1. It has no
// read and no write timeout, which would end streams: [Front] limits bodies.
// Connections that wait for a request give way when there are too many.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	open := newConnections(connectionsFor(fileLimit()))
	return &http.Server{
		Handler:           open.serve(h),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       65 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ConnState:         open.note,
		ConnContext:       open.remember,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
