-- The organisation. `path` holds the ids from the root down: a branch is the range [path, path_end).

-- name: org_get :one
SELECT parent_id, kind, code, name, path, is_active FROM org WHERE id = :org_id;

-- name: org_by_code :one
SELECT id FROM org WHERE code = :code AND is_active = 1;

-- name: org_all :many
-- scope: none (counts, asked for by those alone who reach all)
SELECT o.id, o.parent_id, o.kind, o.code, o.name, o.is_active,
       (SELECT count(*) FROM staff AS s WHERE s.org_id = o.id AND s.is_active = 1) AS staff_count,
       (SELECT count(*) FROM customer AS c
         WHERE c.org_id = o.id AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL) AS customer_count
  FROM org AS o ORDER BY o.path LIMIT 5000;

-- name: org_room :one
SELECT count(*) AS org_count FROM org;

-- name: org_insert :changed
INSERT INTO org (id, parent_id, kind, code, name, path, is_active, created_ms)
VALUES (:id, :parent_id, :kind, :code, :name, :path, 1, :now_ms)
ON CONFLICT (code) DO NOTHING;

-- name: org_change :changed     the place as it was read: two moves at once cannot make a circle
UPDATE org SET name = :name, kind = :kind, is_active = :is_active, parent_id = :parent_id
 WHERE id = :org_id AND path = :path;

-- name: org_branch_move :changed
UPDATE org SET path = :new_path || substr(path, length(:path) + 1)
 WHERE path >= :path AND path < :path_end;

-- name: org_depth_top :one
SELECT max(length(path) - length(replace(path, '/', ''))) AS slash_count FROM org
 WHERE path >= :path AND path < :path_end;

-- name: org_in_use :one     who works here, and what lies open below
SELECT (SELECT count(*) FROM staff AS s WHERE s.org_id = :org_id AND s.is_active = 1) AS staff_count,
       (SELECT count(*) FROM org AS o WHERE o.parent_id = :org_id AND o.is_active = 1) AS org_count;
