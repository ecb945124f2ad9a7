-- expect 2: query 'bad_exec' returns columns
-- name: bad_exec :exec
SELECT id FROM shop WHERE id = :shop_id;
