-- expect 2: query 'bad_no_limit' is :many without LIMIT
-- name: bad_no_limit :many
SELECT id FROM (SELECT id FROM shop ORDER BY id LIMIT 5) AS s;
