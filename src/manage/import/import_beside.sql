-- What an import of customers sets beside the record: tags, owner and store, birthdays.

-- name: beside_tag :lookup
SELECT id FROM tag WHERE name = :name AND (:family IS NULL OR family = :family)
 ORDER BY family LIMIT 1;

-- name: beside_tag_add :batch     at most 2,000 tags
INSERT INTO tag (id, family, name, color, created_ms)
SELECT :id, :family, :name, '#2563eb', :now_ms WHERE (SELECT count(*) FROM tag) < 2000
ON CONFLICT (family, name) DO NOTHING;

-- name: beside_staff :lookup
SELECT id FROM staff WHERE login = :login AND is_active = 1;

-- name: beside_org :lookup
SELECT id FROM org WHERE code = :code AND is_active = 1;

-- name: beside_now :lookup     what stands there before
-- scope: none (an import is run by who reaches all)
SELECT c.id, c.owner_staff_id, c.org_id, c.birth_day FROM customer c
 WHERE c.id = :customer_id AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL;

-- name: beside_birth :batch
-- scope: none (an import is run by who reaches all)
UPDATE customer SET birth_day = :birth_day, changed_ms = :now_ms
 WHERE id = :customer_id AND birth_day IS DISTINCT FROM :birth_day;

-- name: beside_birth_back :batch     only where the imported value still stands
-- scope: none (an import is undone by who reaches all)
UPDATE customer SET birth_day = :birth_day, changed_ms = :now_ms
 WHERE id = :customer_id AND birth_day = :imported_day;

-- name: beside_child :batch     once a birthday, at most 20
-- scope: none (an import is run by who reaches all)
INSERT INTO child (id, customer_id, birth_day, created_ms)
SELECT :id, :customer_id, :birth_day, :now_ms
 WHERE NOT EXISTS (SELECT 1 FROM child k
                    WHERE k.birth_day = :birth_day
                      AND k.customer_id IN (SELECT r.id FROM customer r
                                             WHERE r.id = :customer_id
                                                OR r.merged_into_id = :customer_id))
   AND (SELECT count(*) FROM child k WHERE k.customer_id = :customer_id) < 20;

-- name: beside_child_drop :lookup
-- scope: none (an import is undone by who reaches all)
DELETE FROM child WHERE id = :child_id RETURNING customer_id;

-- name: beside_youngest :batch
-- scope: none (an import is run by who reaches all)
UPDATE customer
   SET child_birth_day = (SELECT max(k.birth_day) FROM child k
                           WHERE k.customer_id IN (SELECT r.id FROM customer r
                                                    WHERE r.id = :customer_id
                                                       OR r.merged_into_id = :customer_id)),
       changed_ms = :now_ms
 WHERE id = :customer_id;
