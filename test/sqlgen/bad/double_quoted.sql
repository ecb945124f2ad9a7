-- expect 3: double quotes
-- name: bad_double_quoted :one
SELECT id FROM coupon WHERE code = "none";
