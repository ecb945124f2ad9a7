-- What the frame itself keeps: meta, sessions, kept replies, write keys, the journal.

-- name: meta_get :one
SELECT value FROM meta WHERE name = :name;

-- name: day_start_get :one
SELECT value FROM setting WHERE name = 'day_start_minutes';

-- name: meta_set :exec
INSERT INTO meta (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: session_get :one
SELECT s.staff_id, s.csrf, s.expires_ms, s.id, s.seen_ms, r.permissions, r.scope, o.path AS org_path
  FROM session s JOIN staff p ON p.id = s.staff_id JOIN role r ON r.name = p.role
  LEFT JOIN org o ON o.id = p.org_id
 WHERE s.token_hash = :token_hash AND s.expires_ms > :now_ms AND p.is_active = 1
   AND s.created_ms >= p.password_ms;

-- name: staff_rights :one     what a colleague may do, for work done in that one's name
SELECT r.permissions, r.scope, o.path AS org_path
  FROM staff p JOIN role r ON r.name = p.role LEFT JOIN org o ON o.id = p.org_id
 WHERE p.id = :staff_id AND p.is_active = 1;

-- name: role_begin :changed     a role the program brings; what operators made of it stays
INSERT INTO role (name, title, permissions, scope, is_builtin, version_count, changed_ms)
VALUES (:name, :title, :permissions, :scope, 1, 1, :now_ms)
ON CONFLICT (name) DO NOTHING;

-- name: session_add :exec
INSERT INTO session (token_hash, staff_id, csrf, created_ms, expires_ms, id, agent, peer, seen_ms)
VALUES (:token_hash, :staff_id, :csrf, :now_ms, :expires_ms, :id, :agent, :peer, :now_ms);

-- name: session_delete :exec
DELETE FROM session WHERE token_hash = :token_hash;

-- name: session_delete_of_staff :exec
DELETE FROM session WHERE staff_id = :staff_id;

-- name: session_delete_expired :changed
DELETE FROM session WHERE expires_ms <= :now_ms;

-- name: write_key_find :one
SELECT id FROM write_key WHERE key_text = :key_text AND is_active = 1;

-- name: reply_a_get :one
SELECT body_hash, status_count, body FROM reply_a WHERE key_hash = :key_hash;

-- name: reply_b_get :one
SELECT body_hash, status_count, body FROM reply_b WHERE key_hash = :key_hash;

-- name: reply_a_add :exec
INSERT INTO reply_a (key_hash, body_hash, status_count, body, created_ms)
VALUES (:key_hash, :body_hash, :status_count, :body, :now_ms);

-- name: reply_b_add :exec
INSERT INTO reply_b (key_hash, body_hash, status_count, body, created_ms)
VALUES (:key_hash, :body_hash, :status_count, :body, :now_ms);

-- name: reply_a_clear :exec
DELETE FROM reply_a;

-- name: reply_b_clear :exec
DELETE FROM reply_b;

-- name: journal_add :batch
-- scope: none
INSERT INTO journal (id, kind, occurred_ms, arrived_ms, customer_id, channel_id, subject_id,
                     amount_fen, properties)
VALUES (:id, :kind, :occurred_ms, :now_ms, :customer_id, :channel_id, :subject_id,
        :amount_fen, :properties);

-- name: journal_last :one
-- scope: none (the clock's lower bound at start)
SELECT id, arrived_ms FROM journal ORDER BY id DESC LIMIT 1;

-- name: journal_old :many
-- scope: none (retention: by the range of ids, whoever they are about)
SELECT id, kind FROM journal WHERE id > :after_id AND id < :until_id ORDER BY id LIMIT :row_max_count;

-- name: journal_drop :batch
-- scope: none (retention)
DELETE FROM journal WHERE id = :id;

-- name: audit_last :one     where the chain goes on after a start
SELECT row_hash FROM audit ORDER BY id DESC LIMIT 1;

-- name: audit_add :exec
INSERT INTO audit (id, at_ms, staff_id, api_key_id, action, noun, subject_id, peer, detail_hash,
                   previous_hash, row_hash)
VALUES (:id, :now_ms, :staff_id, :api_key_id, :action, :noun, :subject_id, :peer, :detail_hash,
        :previous_hash, :row_hash);

-- name: audit_detail_add :exec
INSERT INTO audit_detail (audit_id, salt_blob, detail) VALUES (:audit_id, :salt_blob, :detail);

-- name: audit_detail_erase :changed     the chain holds without it
DELETE FROM audit_detail
 WHERE audit_id IN (SELECT id FROM audit WHERE noun = :noun AND subject_id = :subject_id);

-- name: session_seen :batch
UPDATE session SET seen_ms = :seen_ms WHERE id = :id;

-- name: api_key_used :batch
UPDATE api_key SET used_ms = :used_ms WHERE id = :id;

-- name: api_key_find :one     what the key may and what its owner may; both are needed
SELECT k.id, k.staff_id, k.permissions AS key_permissions, k.used_ms, r.permissions, r.scope, o.path AS org_path
  FROM api_key k JOIN staff p ON p.id = k.staff_id JOIN role r ON r.name = p.role
  LEFT JOIN org o ON o.id = p.org_id
 WHERE k.key_hash = :key_hash AND k.revoked_ms IS NULL AND (k.expires_ms IS NULL OR k.expires_ms > :now_ms)
   AND p.is_active = 1;
