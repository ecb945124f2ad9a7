-- expect 2: query 'bad_one' returns no columns
-- name: bad_one :one
DELETE FROM shop WHERE id = :shop_id;
