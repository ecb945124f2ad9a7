-- expect 3: STRFTIME differs
-- name: bad_strftime :one
SELECT strftime('%s', 'now') AS now FROM shop LIMIT 1;
