-- Whom questions over HTTP may show.

-- name: question_orgs :many     of the branch that a reach of `store` is; there are no more
SELECT id FROM org WHERE path >= :path AND path < :path_end ORDER BY id LIMIT 5000;

-- name: question_reach_of :one
SELECT c.id AS person_id FROM customer m
  JOIN customer c ON c.id = coalesce(m.merged_into_id, m.id)
 WHERE m.customer_number = :customer_number AND c.deleted_ms IS NULL AND in_scope(c);
