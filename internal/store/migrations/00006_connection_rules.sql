-- Rules that an administrator sets for a connection: whether a powerful login
-- may be used, and which of the users' own functions statements may run. hash
-- identifies the definition that the administrator saw.

-- +goose Up
ALTER TABLE db_connections ADD COLUMN allow_powerful_login BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE connection_functions (
    tenant_id     TEXT   NOT NULL,
    connection_id TEXT   NOT NULL REFERENCES db_connections (id) ON DELETE CASCADE,
    signature     TEXT   NOT NULL,
    hash          TEXT   NOT NULL,
    allowed_by    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, signature)
);

-- +goose Down
DROP TABLE connection_functions;
ALTER TABLE db_connections DROP COLUMN allow_powerful_login;
