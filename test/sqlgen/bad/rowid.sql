-- expect 3: ROWID differs
-- name: bad_rowid :one
SELECT rowid AS id FROM shop LIMIT 1;
