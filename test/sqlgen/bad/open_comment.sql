-- expect 4: the comment does not end
-- name: bad_comment :one
SELECT id FROM shop
 /* WHERE id = :shop_id;
