-- What questions may name.

-- name: moment_tags :many
SELECT id FROM tag ORDER BY id LIMIT 2000;
