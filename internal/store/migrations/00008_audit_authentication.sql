-- Records, heads and starts of the audit chains are signed with a key that the
-- database does not hold (note 013). A record without key_id was written by a
-- version without signatures. Taking this migration back drops the signatures:
-- what they covered can then be verified by no version.

-- +goose Up
ALTER TABLE audit_logs ADD COLUMN key_id TEXT NOT NULL DEFAULT '';

-- key_id and mac sign (seq, hash). The start of a chain has a signature of its
-- own, because retention moves it while others append: records up to
-- purged_seq were removed at purged_at, those up to carried_seq were written
-- without signatures and were taken over at carried_at.
ALTER TABLE audit_heads ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_heads ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_heads ADD COLUMN purged_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN carried_seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN carried_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_heads ADD COLUMN carried_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN start_key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_heads ADD COLUMN start_mac TEXT NOT NULL DEFAULT '';

-- Statements that records keep in full (AUDIT_SQL=full), sealed. They are not
-- in the record itself, so that keys can be rotated without touching it; the
-- record holds the statement's hash. id is the record's.
CREATE TABLE audit_statements (
    id        TEXT   NOT NULL PRIMARY KEY,
    tenant_id TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    sealed    TEXT   NOT NULL,
    UNIQUE (tenant_id, seq)
);

-- The anchor files that gateways write beside the database, and how far each
-- had been written (microseconds since 1970), so that a file that was cut is
-- noticed.
CREATE TABLE audit_anchors (
    id     TEXT   NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    key_id TEXT   NOT NULL,
    mac    TEXT   NOT NULL
);

-- +goose Down
DROP TABLE audit_anchors;
DROP TABLE audit_statements;
ALTER TABLE audit_heads DROP COLUMN start_mac;
ALTER TABLE audit_heads DROP COLUMN start_key_id;
ALTER TABLE audit_heads DROP COLUMN carried_at;
ALTER TABLE audit_heads DROP COLUMN carried_hash;
ALTER TABLE audit_heads DROP COLUMN carried_seq;
ALTER TABLE audit_heads DROP COLUMN purged_at;
ALTER TABLE audit_heads DROP COLUMN mac;
ALTER TABLE audit_heads DROP COLUMN key_id;
ALTER TABLE audit_logs DROP COLUMN key_id;
