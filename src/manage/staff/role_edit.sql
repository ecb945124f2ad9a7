-- Roles as operators edit them.

-- name: role_all :many
SELECT r.name, r.title, r.permissions, r.scope, r.is_builtin, r.version_count, r.changed_ms,
       (SELECT count(*) FROM staff AS s WHERE s.role = r.name AND s.is_active = 1) AS staff_count
  FROM role AS r ORDER BY r.is_builtin DESC, r.name LIMIT 200;

-- name: role_room :one
SELECT count(*) AS role_count FROM role;

-- name: role_insert :changed
INSERT INTO role (name, title, permissions, scope, is_builtin, version_count, changed_ms)
VALUES (:name, :title, :permissions, :scope, 0, 1, :now_ms)
ON CONFLICT (name) DO NOTHING;

-- name: role_change :changed     over the version that was read, and never admin
UPDATE role SET title = :title, permissions = :permissions, scope = :scope, version_count = version_count + 1,
       changed_ms = :now_ms
 WHERE name = :name AND version_count = :version_count AND name <> 'admin';

-- name: role_drop :changed     not while somebody has it, also one who is not active
DELETE FROM role WHERE name = :name AND is_builtin = 0
   AND NOT EXISTS (SELECT 1 FROM staff AS s WHERE s.role = role.name);

-- name: role_is_builtin :one
SELECT is_builtin FROM role WHERE name = :name;

-- name: role_mine :one
SELECT role FROM staff WHERE id = :staff_id;
