-- What a definition may name.

-- name: definition_tags :many
SELECT id FROM tag LIMIT 20000;

-- name: definition_channels :many     none ever goes
SELECT id FROM channel LIMIT 5000;

-- name: definition_segments :many
SELECT id, CASE WHEN kind = 'static' THEN 1 ELSE 0 END AS is_static FROM segment WHERE archived_ms IS NULL LIMIT 1000;
