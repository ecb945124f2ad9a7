-- Showing personal data in the clear, and how often a colleague may.

-- name: reveal_take :changed     one more within this hour, unless that many were taken
INSERT INTO reveal_window (staff_id, hour_number, used_count)
SELECT :staff_id, :hour_number, 1 WHERE :most_count > 0
ON CONFLICT (staff_id) DO UPDATE
   SET used_count = CASE WHEN reveal_window.hour_number = excluded.hour_number
                         THEN reveal_window.used_count + 1 ELSE 1 END,
       hour_number = excluded.hour_number
 WHERE reveal_window.hour_number <> excluded.hour_number
    OR reveal_window.used_count < :most_count;

-- name: reveal_row :one
-- scope: none (of a customer that was reached)
SELECT c.name_enc, c.phone_enc, c.email_enc, c.address_enc,
       (SELECT s.value FROM setting s WHERE s.name = 'reveal_per_hour') AS most_value
  FROM customer c WHERE c.id = :customer_id;

-- name: reveal_identities :many     of all records of the person
-- scope: none (of a customer that was reached)
SELECT i.customer_id, i.kind, i.value_enc FROM identity i
 WHERE i.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 ORDER BY i.kind, i.value_hash LIMIT 200;
