-- One text for SQLite and PostgreSQL: ids and names are TEXT, times are
-- microseconds since 1970 in UTC, so that both engines hold and compare the
-- same values. A child row names its tenant and its parent together, so that
-- the database itself refuses a row that crosses tenants.

-- +goose Up
CREATE TABLE tenants (
    id                   TEXT    NOT NULL PRIMARY KEY,
    name                 TEXT    NOT NULL UNIQUE,
    slug                 TEXT    NOT NULL UNIQUE,
    is_active            BOOLEAN NOT NULL DEFAULT TRUE,
    oauth_redirect_hosts TEXT    NOT NULL DEFAULT '[]',
    config_version       BIGINT  NOT NULL DEFAULT 1,
    created_at           BIGINT  NOT NULL
);

CREATE TABLE users (
    id              TEXT    NOT NULL PRIMARY KEY,
    tenant_id       TEXT    NOT NULL REFERENCES tenants (id),
    email           TEXT    NOT NULL,
    hashed_password TEXT    NOT NULL DEFAULT '',
    role            TEXT    NOT NULL,
    is_active       BOOLEAN NOT NULL DEFAULT TRUE,
    disabled_by     TEXT    NOT NULL DEFAULT '',
    auth_provider   TEXT    NOT NULL DEFAULT 'local',
    entra_oid       TEXT    NOT NULL DEFAULT '',
    session_epoch   BIGINT  NOT NULL DEFAULT 1,
    last_sync_at    BIGINT  NOT NULL DEFAULT 0,
    last_login_at   BIGINT  NOT NULL DEFAULT 0,
    created_at      BIGINT  NOT NULL,
    UNIQUE (tenant_id, email),
    UNIQUE (tenant_id, id)
);
CREATE UNIQUE INDEX users_by_subject ON users (tenant_id, auth_provider, entra_oid) WHERE entra_oid <> '';
CREATE INDEX users_by_email ON users (email);
CREATE INDEX users_in_order ON users (tenant_id, created_at, id);

CREATE TABLE db_connections (
    id                 TEXT    NOT NULL PRIMARY KEY,
    tenant_id          TEXT    NOT NULL REFERENCES tenants (id),
    name               TEXT    NOT NULL,
    db_type            TEXT    NOT NULL,
    encrypted_conn_str TEXT    NOT NULL,
    description        TEXT    NOT NULL DEFAULT '',
    is_active          BOOLEAN NOT NULL DEFAULT TRUE,
    min_role           TEXT    NOT NULL,
    llm_policy         TEXT    NOT NULL,
    last_test          TEXT    NOT NULL DEFAULT '',
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL
);
CREATE INDEX db_connections_in_order ON db_connections (tenant_id, created_at, id);
-- Tool names use the first 8 characters (contract 6.3).
CREATE UNIQUE INDEX db_connections_short_id ON db_connections (tenant_id, substr(id, 1, 8));

CREATE TABLE api_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant_id    TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    prefix       TEXT   NOT NULL,
    hashed_key   TEXT   NOT NULL UNIQUE,
    hash_key_id  TEXT   NOT NULL,
    max_role     TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    revoked_at   BIGINT NOT NULL DEFAULT 0,
    expires_at   BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX api_keys_of_user ON api_keys (tenant_id, user_id, created_at, id);
CREATE UNIQUE INDEX api_keys_active_name ON api_keys (user_id, name) WHERE revoked_at = 0;

CREATE TABLE tool_role_overrides (
    id        TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    identity  TEXT NOT NULL,
    min_role  TEXT NOT NULL,
    UNIQUE (tenant_id, identity)
);

CREATE TABLE sessions (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant_id    TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    hashed_token TEXT   NOT NULL UNIQUE,
    ip_address   TEXT   NOT NULL DEFAULT '',
    user_agent   TEXT   NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id, created_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE tenant_entra_configs (
    id                      TEXT    NOT NULL PRIMARY KEY,
    tenant_id               TEXT    NOT NULL UNIQUE REFERENCES tenants (id),
    entra_tenant_id         TEXT    NOT NULL,
    client_id               TEXT    NOT NULL,
    encrypted_client_secret TEXT    NOT NULL,
    admin_group_id          TEXT    NOT NULL DEFAULT '',
    analyst_group_id        TEXT    NOT NULL DEFAULT '',
    viewer_group_id         TEXT    NOT NULL DEFAULT '',
    password_login          BOOLEAN NOT NULL DEFAULT TRUE
);

CREATE TABLE tenant_oidc_configs (
    id                      TEXT    NOT NULL PRIMARY KEY,
    tenant_id               TEXT    NOT NULL UNIQUE REFERENCES tenants (id),
    issuer                  TEXT    NOT NULL,
    client_id               TEXT    NOT NULL,
    encrypted_client_secret TEXT    NOT NULL,
    display_name            TEXT    NOT NULL,
    scopes                  TEXT    NOT NULL,
    group_claim             TEXT    NOT NULL,
    role_map                TEXT    NOT NULL DEFAULT '{}',
    password_login          BOOLEAN NOT NULL DEFAULT TRUE
);

CREATE TABLE oauth_clients (
    id            TEXT   NOT NULL PRIMARY KEY,
    tenant_id     TEXT   NOT NULL REFERENCES tenants (id),
    client_id     TEXT   NOT NULL,
    client_name   TEXT   NOT NULL,
    redirect_uris TEXT   NOT NULL,
    metadata      TEXT   NOT NULL DEFAULT '{}',
    kind          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL DEFAULT 0,
    UNIQUE (tenant_id, client_id)
);

CREATE TABLE oauth_states (
    state_hash     TEXT   NOT NULL PRIMARY KEY,
    tenant_id      TEXT   NOT NULL REFERENCES tenants (id),
    kind           TEXT   NOT NULL,
    client_id      TEXT   NOT NULL DEFAULT '',
    redirect_uri   TEXT   NOT NULL DEFAULT '',
    client_state   TEXT   NOT NULL DEFAULT '',
    code_challenge TEXT   NOT NULL DEFAULT '',
    scope          TEXT   NOT NULL DEFAULT '',
    resource       TEXT   NOT NULL DEFAULT '',
    cookie_hash    TEXT   NOT NULL,
    pkce_verifier  TEXT   NOT NULL DEFAULT '',
    nonce          TEXT   NOT NULL DEFAULT '',
    expires_at     BIGINT NOT NULL,
    used_at        BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX oauth_states_by_expiry ON oauth_states (expires_at);

CREATE TABLE oauth_authorization_codes (
    code_hash             TEXT   NOT NULL PRIMARY KEY,
    tenant_id             TEXT   NOT NULL,
    user_id               TEXT   NOT NULL,
    client_id             TEXT   NOT NULL,
    redirect_uri          TEXT   NOT NULL,
    code_challenge        TEXT   NOT NULL,
    code_challenge_method TEXT   NOT NULL,
    scope                 TEXT   NOT NULL,
    resource              TEXT   NOT NULL,
    family_id             TEXT   NOT NULL,
    expires_at            BIGINT NOT NULL,
    used_at               BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX oauth_codes_of_user ON oauth_authorization_codes (tenant_id, user_id);
CREATE INDEX oauth_codes_by_expiry ON oauth_authorization_codes (expires_at);

CREATE TABLE oauth_refresh_tokens (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant_id    TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    client_id    TEXT   NOT NULL,
    family_id    TEXT   NOT NULL,
    hashed_token TEXT   NOT NULL UNIQUE,
    hash_key_id  TEXT   NOT NULL,
    scope        TEXT   NOT NULL,
    resource     TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT NOT NULL DEFAULT 0,
    revoked_at   BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX oauth_refresh_tokens_of_family ON oauth_refresh_tokens (tenant_id, family_id);
CREATE INDEX oauth_refresh_tokens_of_user ON oauth_refresh_tokens (tenant_id, user_id);
CREATE INDEX oauth_refresh_tokens_by_expiry ON oauth_refresh_tokens (expires_at);

CREATE TABLE sso_codes (
    code_hash  TEXT   NOT NULL PRIMARY KEY,
    tenant_id  TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX sso_codes_of_user ON sso_codes (tenant_id, user_id);
CREATE INDEX sso_codes_by_expiry ON sso_codes (expires_at);

CREATE TABLE crypto_keys (
    purpose    TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose, key_id)
);

-- The head of each hash chain. Rows up to purged_seq were removed by
-- retention; purged_hash is where the rest of the chain starts.
CREATE TABLE audit_heads (
    tenant_id   TEXT   NOT NULL PRIMARY KEY,
    seq         BIGINT NOT NULL,
    hash        TEXT   NOT NULL,
    purged_seq  BIGINT NOT NULL DEFAULT 0,
    purged_hash TEXT   NOT NULL DEFAULT ''
);

-- Append-only. tenant_id is '' for events without a tenant. There is no
-- foreign key: a record outlives the user it speaks of, and is never touched
-- when the user goes. family is the event's name up to its first dot.
CREATE TABLE audit_logs (
    tenant_id  TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    id         TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    user_email TEXT   NOT NULL,
    event      TEXT   NOT NULL,
    family     TEXT   NOT NULL,
    ip_address TEXT   NOT NULL,
    metadata   TEXT   NOT NULL,
    prev_hash  TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
-- Ascending, though lists read them backwards: new entries then go to the end.
CREATE INDEX audit_logs_newest ON audit_logs (tenant_id, created_at, id);
CREATE INDEX audit_logs_by_family ON audit_logs (tenant_id, family, created_at, id);

-- Buckets of rate limits that replicas share (contract 14). Times are
-- microseconds, 0 for never.
CREATE TABLE rate_limits (
    bucket      TEXT   NOT NULL PRIMARY KEY,
    full_at     BIGINT NOT NULL,
    quiet_until BIGINT NOT NULL
);

-- +goose Down
DROP TABLE rate_limits;
DROP TABLE audit_logs;
DROP TABLE audit_heads;
DROP TABLE crypto_keys;
DROP TABLE sso_codes;
DROP TABLE oauth_refresh_tokens;
DROP TABLE oauth_authorization_codes;
DROP TABLE oauth_states;
DROP TABLE oauth_clients;
DROP TABLE tenant_oidc_configs;
DROP TABLE tenant_entra_configs;
DROP TABLE sessions;
DROP TABLE tool_role_overrides;
DROP TABLE api_keys;
DROP TABLE db_connections;
DROP TABLE users;
DROP TABLE tenants;
