-- Whom questions over HTTP may show.

-- name: audience_orgs :many     of the branch that a reach of `store` is
SELECT id FROM org WHERE path >= :path AND path < :path_end ORDER BY id LIMIT 1000;

-- name: audience_reach :one
SELECT c.id AS person_id FROM customer m
  JOIN customer c ON c.id = coalesce(m.merged_into_id, m.id)
 WHERE m.customer_number = :customer_number AND c.deleted_ms IS NULL AND in_scope(c);

-- name: audience_sample :lookup
SELECT c.id, c.customer_number, c.name_enc, c.order_count, c.paid_fen FROM customer c
 WHERE c.customer_number = :customer_number AND c.deleted_ms IS NULL AND in_scope(c);
