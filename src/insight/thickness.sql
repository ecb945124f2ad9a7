-- Tag thickness: which tags and channels there are.

-- name: thickness_tags :many
SELECT id, family FROM tag ORDER BY family, id LIMIT 2000;

-- name: thickness_channels :many     a branch lies behind its root
SELECT id, parent_id, name FROM channel ORDER BY path LIMIT 5000;
