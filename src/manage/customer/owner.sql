-- Who has a customer: the colleague and the store in the person's row, and the history of both.

-- name: owner_staff :one     an active colleague
SELECT s.id, s.org_id, o.path FROM staff s LEFT JOIN org o ON o.id = s.org_id
 WHERE s.id = :staff_id AND s.is_active = 1;

-- name: owner_org :one
SELECT path FROM org WHERE id = :org_id AND is_active = 1;

-- name: owner_now :lookup
-- scope: none (of persons that were reached)
SELECT c.id, c.owner_staff_id, c.org_id FROM customer c
 WHERE c.id = :customer_id AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL;

-- name: owner_set :batch
-- scope: none (of persons that were reached)
UPDATE customer SET owner_staff_id = :staff_id, org_id = :org_id, changed_ms = :now_ms
 WHERE id = :customer_id AND deleted_ms IS NULL AND merged_into_id IS NULL;

-- name: owner_end :batch
-- scope: none (of persons that were reached)
UPDATE customer_owner SET to_ms = :now_ms WHERE customer_id = :customer_id AND to_ms IS NULL;

-- name: owner_begin :batch
-- scope: none (of persons that were reached)
INSERT INTO customer_owner (id, customer_id, staff_id, org_id, from_ms, by_staff_id, reason)
VALUES (:id, :customer_id, :staff_id, :org_id, :now_ms, :me_staff_id, :reason);

-- name: owner_history :many     of all records that are this person, latest first
-- scope: none (of a person that was reached)
SELECT w.id, w.staff_id, s.name AS staff_name, w.org_id, o.name AS org_name, w.from_ms, w.to_ms,
       b.name AS by_name, w.reason
  FROM customer_owner w LEFT JOIN staff s ON s.id = w.staff_id LEFT JOIN org o ON o.id = w.org_id
  LEFT JOIN staff b ON b.id = w.by_staff_id
 WHERE w.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 ORDER BY w.id DESC LIMIT 100;

-- name: owner_choices :many     who can be given customers: active colleagues of one's reach
SELECT s.id AS staff_id, s.name AS staff_name, s.org_id, o.name AS org_name
  FROM staff s LEFT JOIN org o ON o.id = s.org_id
 WHERE s.is_active = 1
   AND (:me_reach_number = 2 OR s.id = :me_staff_id
        OR (o.path >= :me_org_path AND o.path < :me_org_path_end))
 ORDER BY s.name, s.id LIMIT 500;

-- name: owner_orgs :many
SELECT o.id, o.name, o.kind FROM org o
 WHERE o.is_active = 1
   AND (:me_reach_number = 2 OR (o.path >= :me_org_path AND o.path < :me_org_path_end))
 ORDER BY o.path LIMIT 500;
