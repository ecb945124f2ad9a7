-- What is between one colleague and one customer.

-- name: relation_list :many     of all records that are this person
-- scope: none (of a person that was reached)
SELECT l.customer_id, l.staff_id, s.name AS staff_name, l.source, l.remark_enc, l.added_ms,
       l.lost_ms
  FROM relation l JOIN staff s ON s.id = l.staff_id
 WHERE l.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 ORDER BY l.added_ms DESC, l.staff_id LIMIT 200;

-- name: relation_staff :one     an active colleague of one's reach
SELECT s.id FROM staff s LEFT JOIN org o ON o.id = s.org_id
 WHERE s.id = :staff_id AND s.is_active = 1
   AND (:me_reach_number = 2 OR (o.path >= :me_org_path AND o.path < :me_org_path_end));

-- name: relation_add :changed     met anew after a loss; one that stands stays
-- scope: none (of a person that was reached)
INSERT INTO relation (customer_id, staff_id, source, remark_enc, added_ms, changed_ms)
VALUES (:customer_id, :staff_id, :source, :remark_enc, :added_ms, :now_ms)
ON CONFLICT (customer_id, staff_id) DO UPDATE
   SET source = excluded.source, remark_enc = coalesce(excluded.remark_enc, relation.remark_enc),
       added_ms = excluded.added_ms, lost_ms = NULL, changed_ms = excluded.changed_ms
 WHERE relation.lost_ms IS NOT NULL;

-- name: relation_remark :changed
-- scope: none (of a record that was reached)
UPDATE relation SET remark_enc = :remark_enc, changed_ms = :now_ms
 WHERE customer_id = :customer_id AND staff_id = :staff_id;

-- name: relation_lose :changed
-- scope: none (of a record that was reached)
UPDATE relation SET lost_ms = :now_ms, changed_ms = :now_ms
 WHERE customer_id = :customer_id AND staff_id = :staff_id AND lost_ms IS NULL;
