-- Staff and the set-up link. Sessions are kit/session's.

-- name: staff_count :one
SELECT count(*) AS staff_count FROM staff;

-- name: role_get :one
SELECT title, permissions, scope, version_count FROM role WHERE name = :name;

-- name: staff_by_login :one
SELECT id, password, is_active, totp_step_number FROM staff WHERE login = :login;

-- name: staff_get :one
SELECT login, name, role, password, is_active,
       CASE WHEN totp_step_number IS NOT NULL THEN 1 ELSE 0 END AS has_totp
  FROM staff WHERE id = :staff_id;

-- name: staff_add :changed
INSERT INTO staff (id, login, name, role, password, is_active, created_ms, password_ms, org_id)
VALUES (:id, :login, :name, :role, :password, 1, :now_ms, :now_ms, :org_id)
ON CONFLICT (login) DO NOTHING;

-- name: staff_add_first :changed     set-up happens once: only while nobody is there
INSERT INTO staff (id, login, name, role, password, is_active, created_ms, password_ms)
SELECT :id, :login, :name, 'admin', :password, 1, :now_ms, :now_ms
 WHERE NOT EXISTS (SELECT 1 FROM staff);

-- name: staff_password_change :changed     only over the password that was verified
UPDATE staff SET password = :password, password_ms = :now_ms
 WHERE id = :staff_id AND password = :old_password AND is_active = 1;

-- name: staff_password_replace :changed
UPDATE staff SET password = :password, password_ms = :now_ms WHERE id = :staff_id;

-- name: staff_session_csrf :one
SELECT csrf FROM session WHERE token_hash = :token_hash;

-- name: staff_is_demo :one
SELECT value FROM meta WHERE name = 'is_demo';

-- name: setup_link_clear :exec
DELETE FROM setup_link;

-- name: setup_link_add :exec
INSERT INTO setup_link (token_hash, expires_ms) VALUES (:token_hash, :expires_ms);

-- name: setup_link_find :one
SELECT expires_ms FROM setup_link WHERE token_hash = :token_hash AND expires_ms > :now_ms;

-- name: setup_link_take :changed
DELETE FROM setup_link WHERE token_hash = :token_hash AND expires_ms > :now_ms;
