-- expect 3: column code is TEXT, but :coupon_id is INTEGER by its name
-- name: bad_param_suffix :one
SELECT id FROM coupon WHERE code = :coupon_id;
