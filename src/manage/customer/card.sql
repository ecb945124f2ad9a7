-- What the head of a customer's page shows besides the profile, and the blacklist.

-- name: card :one
-- scope: none (of a person that was reached)
SELECT c.attributes, c.birth_day, c.child_birth_day, c.owner_staff_id, s.name AS owner_name, c.org_id,
       o.name AS org_name, c.blocked_ms, b.reason AS block_reason, bs.name AS block_staff_name
  FROM customer c LEFT JOIN staff s ON s.id = c.owner_staff_id LEFT JOIN org o ON o.id = c.org_id
  LEFT JOIN customer_block b ON b.customer_id = c.id LEFT JOIN staff bs ON bs.id = b.staff_id
 WHERE c.id = :customer_id;

-- name: block_set :changed     once
-- scope: none (of a person that was reached)
UPDATE customer SET blocked_ms = :blocked_ms, changed_ms = :now_ms
 WHERE id = :customer_id
   AND CASE WHEN blocked_ms IS NULL THEN 1 ELSE 0 END = CASE WHEN :blocked_ms IS NULL THEN 0 ELSE 1 END;

-- name: block_note :exec
-- scope: none (of a person that was reached)
INSERT INTO customer_block (customer_id, staff_id, reason, blocked_ms)
VALUES (:customer_id, :me_staff_id, :reason, :now_ms)
ON CONFLICT (customer_id) DO UPDATE
   SET staff_id = excluded.staff_id, reason = excluded.reason, blocked_ms = excluded.blocked_ms;

-- name: block_forget :exec
-- scope: none (of a person that was reached)
DELETE FROM customer_block WHERE customer_id = :customer_id;
