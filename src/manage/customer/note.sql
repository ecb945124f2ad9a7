-- Notes of staff about customers, sealed.

-- name: note_list :many     of all records that are this person, latest first
-- scope: none (of a person that was reached)
SELECT n.id, n.staff_id, s.name AS staff_name, n.text_enc, n.created_ms, n.changed_ms
  FROM customer_note n LEFT JOIN staff s ON s.id = n.staff_id
 WHERE n.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
   AND n.id < :from_id
 ORDER BY n.id DESC LIMIT :limit_count;

-- name: note_add :changed     at most 1,000 a record
-- scope: none (of a person that was reached)
INSERT INTO customer_note (id, customer_id, staff_id, text_enc, created_ms, changed_ms)
SELECT :id, :customer_id, :me_staff_id, :text_enc, :now_ms, :now_ms
 WHERE (SELECT count(*) FROM customer_note n WHERE n.customer_id = :customer_id) < 1000;

-- name: note_get :one
-- scope: none (its customer is asked for right after)
SELECT customer_id, staff_id FROM customer_note WHERE id = :note_id;

-- name: note_edit :changed
-- scope: none (of a person that was reached)
UPDATE customer_note SET text_enc = :text_enc, changed_ms = :now_ms
 WHERE id = :note_id AND staff_id = :me_staff_id;

-- name: note_delete :changed
-- scope: none (of a person that was reached)
DELETE FROM customer_note WHERE id = :note_id AND staff_id = :me_staff_id;
