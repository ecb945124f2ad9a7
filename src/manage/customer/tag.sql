-- Tags in five families, their groups, and who has them. A person's tags are those of all records that are this person.

-- name: tag_list :many
SELECT g.id, g.family, g.name, g.color, g.group_id,
       (SELECT count(*) FROM customer_tag t WHERE t.tag_id = g.id AND customer_in_scope(t.customer_id)) AS customer_count
  FROM tag g ORDER BY g.family, g.name LIMIT 2000;

-- name: tag_group_list :many
SELECT id, family, name, is_exclusive FROM tag_group ORDER BY family, name LIMIT 500;

-- name: tag_add :changed     at most 2,000 tags; a group of another family takes none
INSERT INTO tag (id, family, name, color, group_id, created_ms)
SELECT :id, :family, :name, :color, :group_id, :now_ms
 WHERE (SELECT count(*) FROM tag) < 2000
ON CONFLICT (family, name) DO NOTHING;

-- name: tag_edit :changed     a name stands once in its family
UPDATE tag SET name = :name, color = :color
 WHERE id = :tag_id
   AND NOT EXISTS (SELECT 1 FROM tag o WHERE o.family = tag.family AND o.name = :name
                                         AND o.id <> :tag_id);

-- name: tag_get :one
SELECT g.id, g.family, g.name, g.group_id, coalesce(k.is_exclusive, 0) AS is_exclusive
  FROM tag g LEFT JOIN tag_group k ON k.id = g.group_id WHERE g.id = :tag_id;

-- name: tag_move :changed
UPDATE tag SET group_id = :group_id WHERE id = :tag_id;

-- name: tag_member_count :one
-- scope: none (sums only)
SELECT count(*) AS customer_count FROM customer_tag WHERE tag_id = :tag_id;

-- name: tag_member_delete :changed
-- scope: none (only with the reach of all)
DELETE FROM customer_tag WHERE tag_id = :tag_id;

-- name: tag_delete :changed
DELETE FROM tag WHERE id = :tag_id;

-- name: tag_group_get :one
SELECT family, is_exclusive FROM tag_group WHERE id = :group_id;

-- name: tag_group_add :changed     at most 500
INSERT INTO tag_group (id, family, name, is_exclusive, created_ms)
SELECT :id, :family, :name, :is_exclusive, :now_ms WHERE (SELECT count(*) FROM tag_group) < 500
ON CONFLICT (family, name) DO NOTHING;

-- name: tag_group_edit :changed
UPDATE tag_group SET name = :name, is_exclusive = :is_exclusive
 WHERE id = :group_id
   AND NOT EXISTS (SELECT 1 FROM tag_group o WHERE o.family = tag_group.family AND o.name = :name
                                               AND o.id <> :group_id);

-- name: tag_group_leave :changed     its tags stay, without a group
UPDATE tag SET group_id = NULL WHERE group_id = :group_id;

-- name: tag_group_delete :changed
DELETE FROM tag_group WHERE id = :group_id;

-- name: tag_group_twice :one     does a record have two tags of this group?
-- scope: none (only with the reach of all)
SELECT count(*) AS twice_count
  FROM (SELECT t.customer_id FROM tag g JOIN customer_tag t ON t.tag_id = g.id
         WHERE g.group_id = :group_id GROUP BY t.customer_id HAVING count(*) > 1 LIMIT 1) twice;

-- name: tag_join_twice :one     would one, if this tag came into the group?
-- scope: none (only with the reach of all)
SELECT count(*) AS twice_count
  FROM (SELECT t.customer_id FROM customer_tag t
         WHERE t.tag_id = :tag_id
           AND EXISTS (SELECT 1 FROM customer_tag u JOIN tag g ON g.id = u.tag_id
                        WHERE u.customer_id = t.customer_id AND g.group_id = :group_id
                          AND g.id <> :tag_id) LIMIT 1) twice;

-- name: customer_tag_swap :lookup     what goes when a tag of an exclusive group comes
-- scope: none (of persons that were reached)
DELETE FROM customer_tag
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
   AND tag_id IN (SELECT g.id FROM tag g WHERE g.group_id = :group_id AND g.id <> :tag_id)
RETURNING tag_id;

-- name: customer_tag_on :batch     once a person, at most 200
-- scope: none (of persons that were reached)
INSERT INTO customer_tag (customer_id, tag_id, staff_id, created_ms)
SELECT c.id, g.id, :me_staff_id, :now_ms FROM customer c, tag g
 WHERE c.id = :customer_id AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND g.id = :tag_id
   AND NOT EXISTS (SELECT 1 FROM customer_tag h
                    WHERE h.tag_id = :tag_id
                      AND h.customer_id IN (SELECT r.id FROM customer r
                                             WHERE r.id = :customer_id
                                                OR r.merged_into_id = :customer_id))
   AND (SELECT count(*) FROM customer_tag t WHERE t.customer_id = c.id) < 200
ON CONFLICT (customer_id, tag_id) DO NOTHING;

-- name: customer_tag_off :batch
-- scope: none (of persons that were reached)
DELETE FROM customer_tag
 WHERE tag_id = :tag_id
   AND customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :customer_id OR r.merged_into_id = :customer_id);

-- name: customer_tag_find :one
-- scope: none (of a person that was reached)
SELECT count(*) AS tag_count FROM customer_tag
 WHERE tag_id = :tag_id
   AND customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :customer_id OR r.merged_into_id = :customer_id);

-- name: tag_thickness :many     of each family: its groups that have tags (those without one count as one more), and in how many this person has a tag
-- scope: none (of a person that was reached)
SELECT g.family, count(DISTINCT coalesce(g.group_id, 0)) AS group_count,
       count(DISTINCT CASE WHEN t.customer_id IS NULL THEN NULL
                           ELSE coalesce(g.group_id, 0) END) AS known_count
  FROM tag g LEFT JOIN customer_tag t
    ON t.tag_id = g.id AND t.customer_id IN (SELECT r.id FROM customer r
                                              WHERE r.id = :customer_id
                                                 OR r.merged_into_id = :customer_id)
 GROUP BY g.family ORDER BY g.family LIMIT 10;
