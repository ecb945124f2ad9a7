-- expect 2: the expression 'count(*)' needs an alias
-- name: bad_no_alias :one
SELECT count(*) FROM coupon;
