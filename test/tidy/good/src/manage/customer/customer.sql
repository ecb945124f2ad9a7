-- The queries of customers.

-- name: customer_get :one
-- scope: own
SELECT c.id AS id FROM customer AS c WHERE c.id = :customer_id;

-- name: tag_list :many
SELECT id FROM tag ORDER BY id LIMIT :limit_count;

-- name: customer_words :exec
UPDATE tag SET name = 'customer journal' WHERE id = :customer_id; -- only the word customer
