-- expect 2: SQL before the first '-- name:' line
SELECT id FROM shop;
-- name: bad_no_name :one
SELECT id FROM shop;
