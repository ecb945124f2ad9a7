-- expect 3: RANDOM differs
-- name: bad_random :many
SELECT id FROM shop ORDER BY random() LIMIT 3;
