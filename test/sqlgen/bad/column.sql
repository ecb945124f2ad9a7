-- expect 3: no such column: nope
-- name: bad_column :one
SELECT id, nope FROM coupon WHERE id = :coupon_id;
