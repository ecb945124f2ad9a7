-- expect 4: no such table: cupon
-- name: bad_table :one
SELECT id
  FROM cupon WHERE id = :coupon_id;
