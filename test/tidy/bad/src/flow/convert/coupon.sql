SELECT 1;

-- name: coupon_list :many
SELECT id FROM coupon ORDER BY id;

-- name: coupon_holder :one    LIMIT 1
SELECT id
  FROM Customer;

-- name: coupon_log :exec
-- scope:none
INSERT INTO journal (id) VALUES (:id);
