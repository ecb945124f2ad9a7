-- expect 2: column 'left' is INTEGER in the schema, but TEXT by its name
-- name: bad_result_suffix :one
SELECT left_count AS left FROM coupon WHERE id = :coupon_id;
