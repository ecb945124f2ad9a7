-- What questions may name.

-- name: moment_tags :many
SELECT id FROM tag ORDER BY id LIMIT 2000;

-- name: moment_segments :many
SELECT id, kind FROM segment WHERE archived_ms IS NULL ORDER BY id LIMIT 1000;
