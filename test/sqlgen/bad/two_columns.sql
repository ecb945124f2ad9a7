-- expect 2: two columns are named 'id'
-- name: bad_two_columns :one
SELECT s.id, c.id FROM shop s JOIN coupon c ON c.shop_id = s.id WHERE c.id = :coupon_id;
