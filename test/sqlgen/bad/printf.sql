-- expect 3: PRINTF differs
-- name: bad_printf :one
SELECT printf('%d', id) AS text FROM shop LIMIT 1;
