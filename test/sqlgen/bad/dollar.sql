-- expect 3: parameter $...: write :name
-- name: bad_dollar :one
SELECT id FROM shop WHERE id = $1;
