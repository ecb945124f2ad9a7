-- expect 3: :page after LIMIT must be a number
-- name: bad_param_limit :many
SELECT id FROM shop ORDER BY id LIMIT :page;
