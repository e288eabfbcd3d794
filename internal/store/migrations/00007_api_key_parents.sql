-- The key that a key was made with, '' for one that was made by a person
-- (contract 2.4). Keys from before this step name none.

-- +goose Up
ALTER TABLE api_keys ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';
CREATE INDEX api_keys_of_parent ON api_keys (tenant_id, user_id, parent_id);

-- +goose Down
DROP INDEX api_keys_of_parent;
ALTER TABLE api_keys DROP COLUMN parent_id;
