-- expect 3: IS before anything but NULL is SQLite only
-- name: bad_is_value :one
SELECT id FROM coupon WHERE title IS :title;
