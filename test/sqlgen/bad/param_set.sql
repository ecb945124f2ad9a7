-- expect 3: column left_count is INTEGER, but :left is TEXT by its name
-- name: bad_param_set :exec
UPDATE coupon SET left_count = :left WHERE id = :coupon_id;
