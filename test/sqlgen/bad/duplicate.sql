-- expect 4: query 'bad_duplicate' is a duplicate name: also in
-- name: bad_duplicate :one
SELECT id FROM shop WHERE id = :shop_id;
-- name: bad_duplicate :one
SELECT name FROM shop WHERE id = :shop_id;
