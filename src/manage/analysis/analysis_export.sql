-- Names of what a file would otherwise show the numbers of.

-- name: audience_channels :many
SELECT id, name FROM channel ORDER BY id LIMIT 20000;

-- name: audience_owners :many
SELECT id, name FROM staff ORDER BY id LIMIT 20000;

-- name: audience_stores :many
SELECT id, name FROM org ORDER BY id LIMIT 20000;
