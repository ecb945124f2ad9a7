-- Whom an explanation is about.

-- name: audience_number :one
-- scope: none (of a person that was reached)
SELECT customer_number FROM customer WHERE id = :person_id;
