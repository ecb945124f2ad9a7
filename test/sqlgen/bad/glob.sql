-- expect 3: GLOB differs
-- name: bad_glob :one
SELECT id FROM shop WHERE name GLOB 'a*' ORDER BY id LIMIT 1;
