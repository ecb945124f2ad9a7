-- expect 4: query 'bad_two' has more than one statement
-- name: bad_two :exec
DELETE FROM shop WHERE id = :shop_id;
DELETE FROM coupon WHERE id = :shop_id;
