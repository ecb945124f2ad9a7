-- Settings: only what was changed has a row; zone and currency stand in meta and never change.

-- name: setting_all :many
SELECT s.name, s.value, s.version_count, s.changed_ms, p.name AS staff_name
  FROM setting s LEFT JOIN staff p ON p.id = s.staff_id ORDER BY s.name LIMIT 200;

-- name: setting_get :one
SELECT value FROM setting WHERE name = :name;

-- name: setting_first :changed
INSERT INTO setting (name, value, version_count, changed_ms, staff_id)
VALUES (:name, :value, 1, :now_ms, :me_staff_id)
ON CONFLICT (name) DO NOTHING;

-- name: setting_change :changed
UPDATE setting SET value = :value, version_count = version_count + 1, changed_ms = :now_ms,
       staff_id = :me_staff_id
 WHERE name = :name AND version_count = :version_count;

-- name: setting_version_add :exec
INSERT INTO setting_version (name, version_number, value, reason, staff_id, changed_ms)
VALUES (:name, :version_number, :value, :reason, :me_staff_id, :now_ms);

-- name: setting_versions :many     latest first
SELECT v.version_number, v.value, v.reason, v.changed_ms, p.name AS staff_name
  FROM setting_version v LEFT JOIN staff p ON p.id = v.staff_id
 WHERE v.name = :name AND v.version_number < :before_number
 ORDER BY v.version_number DESC LIMIT :limit_count;

-- name: setting_meta :many
SELECT name, value FROM meta WHERE name IN ('zone', 'currency') LIMIT 2;

-- name: setting_meta_set :changed
INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING;

-- name: setting_meta_get :one
SELECT value FROM meta WHERE name = :name;
