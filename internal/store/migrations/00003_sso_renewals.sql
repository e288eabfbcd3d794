-- Who is asking a user's identity provider, so that of several instances one
-- does (contract 5.5). owner is a random text, outcome what came of it, '' as
-- long as nothing has. A question whose asker vanished ends at ends_at.

-- +goose Up
CREATE TABLE sso_renewals (
    tenant_id TEXT   NOT NULL,
    user_id   TEXT   NOT NULL,
    owner     TEXT   NOT NULL,
    ends_at   BIGINT NOT NULL,
    outcome   TEXT   NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE sso_renewals;
