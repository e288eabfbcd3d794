-- Messages between instances that are too long for NOTIFY. A row lives from
-- its notification until its reader takes it; the body is sealed.

-- +goose Up
CREATE TABLE relay_messages (
    id         TEXT   NOT NULL PRIMARY KEY,
    body       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE relay_messages;
