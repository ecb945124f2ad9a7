-- Tags in five families, and who has them.

-- name: tag_list :many
-- scope: none (sums only)
SELECT g.id, g.family, g.name, g.color,
       (SELECT count(*) FROM customer_tag t WHERE t.tag_id = g.id) AS customer_count
  FROM tag g ORDER BY g.family, g.name LIMIT 2000;

-- name: tag_add :changed     at most 2,000 tags
INSERT INTO tag (id, family, name, color, created_ms)
SELECT :id, :family, :name, :color, :now_ms WHERE (SELECT count(*) FROM tag) < 2000
ON CONFLICT (family, name) DO NOTHING;

-- name: tag_edit :changed     a name stands once in its family
UPDATE tag SET name = :name, color = :color
 WHERE id = :tag_id
   AND NOT EXISTS (SELECT 1 FROM tag o WHERE o.family = tag.family AND o.name = :name
                                         AND o.id <> :tag_id);

-- name: tag_get :one
SELECT id FROM tag WHERE id = :tag_id;

-- name: customer_tag_on :changed
-- scope: none (of a customer that was reached)
INSERT INTO customer_tag (customer_id, tag_id, staff_id, created_ms)
SELECT c.id, g.id, :me_staff_id, :now_ms FROM customer c, tag g
 WHERE c.id = :customer_id AND c.deleted_ms IS NULL AND g.id = :tag_id
   AND (SELECT count(*) FROM customer_tag t WHERE t.customer_id = c.id) < 200
ON CONFLICT (customer_id, tag_id) DO NOTHING;

-- name: customer_tag_off :changed
-- scope: none (of a customer that was reached)
DELETE FROM customer_tag WHERE customer_id = :customer_id AND tag_id = :tag_id;

-- name: customer_tag_find :one
-- scope: none (of a customer that was reached)
SELECT c.id, (SELECT count(*) FROM customer_tag t
               WHERE t.customer_id = c.id AND t.tag_id = :tag_id) AS tag_count
  FROM customer c WHERE c.id = :customer_id AND c.deleted_ms IS NULL;
