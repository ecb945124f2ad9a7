-- Some of those who are counted.

-- name: audience_sample :lookup
SELECT c.id, c.customer_number, c.name_enc, c.order_count, c.paid_fen FROM customer c
 WHERE c.customer_number = :customer_number AND c.deleted_ms IS NULL AND in_scope(c);
