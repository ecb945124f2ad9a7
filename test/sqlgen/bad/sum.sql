-- expect 3: sum of bigint is numeric
-- name: bad_sum :one
SELECT sum(left_count) AS left_count FROM coupon;
