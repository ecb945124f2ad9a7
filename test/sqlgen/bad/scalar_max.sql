-- expect 3: max and min of several values are SQLite only
-- name: bad_scalar_max :one
SELECT max(left_count, coalesce(price_fen, 0)) AS left_count FROM coupon LIMIT 1;
