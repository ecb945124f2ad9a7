-- expect 3: LIKE without ESCAPE
-- name: bad_like :one
SELECT id FROM coupon WHERE title LIKE :title_part LIMIT 1;
