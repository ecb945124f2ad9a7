-- Keys of other programs.

-- name: api_key_list :many
SELECT k.id, k.hint, k.name, k.permissions, k.staff_id, p.name AS staff_name, k.created_ms, k.expires_ms, k.used_ms,
       k.revoked_ms
  FROM api_key AS k JOIN staff AS p ON p.id = k.staff_id
 WHERE k.id < :before_id AND (:staff_id IS NULL OR k.staff_id = :staff_id)
 ORDER BY k.id DESC LIMIT :limit_count;

-- name: api_key_room :one
SELECT count(*) AS key_count FROM api_key
 WHERE staff_id = :staff_id AND revoked_ms IS NULL AND expires_ms > :now_ms;

-- name: api_key_add :exec
INSERT INTO api_key (id, key_hash, hint, name, permissions, staff_id, created_ms, expires_ms)
VALUES (:id, :key_hash, :hint, :name, :permissions, :staff_id, :now_ms, :expires_ms);

-- name: api_key_get :one
SELECT staff_id, revoked_ms FROM api_key WHERE id = :api_key_id;

-- name: api_key_revoke :changed
UPDATE api_key SET revoked_ms = :now_ms WHERE id = :api_key_id AND revoked_ms IS NULL;
