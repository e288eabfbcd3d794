-- What MCP clients that need a session have said in it (contract 6.1). Of the
-- session's id only the hash is here. A session is no credential.

-- +goose Up
CREATE TABLE mcp_sessions (
    id_hash          TEXT   NOT NULL PRIMARY KEY,
    tenant_id        TEXT   NOT NULL,
    user_id          TEXT   NOT NULL,
    protocol_version TEXT   NOT NULL,
    capabilities     TEXT   NOT NULL,
    log_level        TEXT   NOT NULL,
    subscriptions    TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    used_at          BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX mcp_sessions_of_user ON mcp_sessions (tenant_id, user_id, used_at, id_hash);
CREATE INDEX mcp_sessions_by_use ON mcp_sessions (used_at);

-- +goose Down
DROP TABLE mcp_sessions;
