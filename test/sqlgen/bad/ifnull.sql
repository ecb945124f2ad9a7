-- expect 3: IFNULL differs between SQLite and PostgreSQL: use coalesce
-- name: bad_ifnull :one
SELECT ifnull(title, '') AS title FROM coupon WHERE id = :coupon_id;
