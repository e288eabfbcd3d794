-- What identity providers gave to ask again with, sealed (contract 5.3). A
-- user has one: that of the last sign-in.

-- +goose Up
CREATE TABLE sso_refresh_tokens (
    tenant_id    TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    sealed_token TEXT NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE sso_refresh_tokens;
