-- Birthdays: a customer's own and the children's. The youngest child's stands in the person's row.

-- name: birth_set :changed
-- scope: none (of a person that was reached)
UPDATE customer SET birth_day = :birth_day, changed_ms = :now_ms
 WHERE id = :customer_id AND birth_day IS DISTINCT FROM :birth_day;

-- name: child_list :many     of all records that are this person, youngest first
-- scope: none (of a person that was reached)
SELECT k.id, k.birth_day, k.name_enc FROM child k
 WHERE k.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 ORDER BY k.birth_day DESC, k.id LIMIT 40;

-- name: child_get :one
-- scope: none (its customer is asked for right after)
SELECT customer_id, birth_day, name_enc FROM child WHERE id = :child_id;

-- name: child_add :changed     at most 20
-- scope: none (of a person that was reached)
INSERT INTO child (id, customer_id, birth_day, name_enc, created_ms)
SELECT :id, :customer_id, :birth_day, :name_enc, :now_ms
 WHERE (SELECT count(*) FROM child k WHERE k.customer_id = :customer_id) < 20;

-- name: child_edit :changed
-- scope: none (of a person that was reached)
UPDATE child SET birth_day = :birth_day, name_enc = :name_enc WHERE id = :child_id;

-- name: child_delete :changed
-- scope: none (of a person that was reached)
DELETE FROM child WHERE id = :child_id;

-- name: child_youngest_set :changed
-- scope: none (of a person that was reached)
UPDATE customer
   SET child_birth_day = (SELECT max(k.birth_day) FROM child k
                           WHERE k.customer_id IN (SELECT r.id FROM customer r
                                                    WHERE r.id = :customer_id
                                                       OR r.merged_into_id = :customer_id)),
       changed_ms = :now_ms
 WHERE id = :customer_id;
