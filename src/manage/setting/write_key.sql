-- Public keys with which web pages send events.

-- name: write_key_list :many
SELECT id, name, key_text, is_active, created_ms FROM write_key ORDER BY created_ms, id LIMIT 200;

-- name: write_key_add :changed     at most 100 keys
INSERT INTO write_key (id, key_text, name, is_active, created_ms)
SELECT :id, :key_text, :name, 1, :now_ms
 WHERE (SELECT count(*) FROM write_key) < 100;

-- name: write_key_switch :changed
UPDATE write_key SET is_active = :is_active WHERE id = :key_id;
