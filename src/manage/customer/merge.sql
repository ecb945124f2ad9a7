-- Records of one person: the link, what moves with it, and the way back. Personal data only sealed.

-- name: merge_row :lookup     a person's own row and what hangs on it; no row: gone, or no person of its own
-- scope: none (of customers that were reached, or that the program's own rules found)
SELECT c.id, c.customer_number, c.name_enc, c.phone_enc, c.email_enc, c.address_enc, c.region,
       c.attributes, c.channel_id, c.invited_by_customer_id, c.is_family, c.touched_ms, c.added_ms,
       c.action_day, c.birth_day, c.child_birth_day, c.owner_staff_id, c.org_id, c.blocked_ms,
       c.order_count, c.paid_fen, c.refunded_fen,
       (SELECT coalesce(i.merged_into_id, i.id) FROM customer i
         WHERE i.id = c.invited_by_customer_id) AS inviter_id,
       (SELECT coalesce(g.merged_into_id, g.id) FROM customer i
          JOIN customer p ON p.id = coalesce(i.merged_into_id, i.id)
          JOIN customer g ON g.id = p.invited_by_customer_id
         WHERE i.id = c.invited_by_customer_id) AS inviter_inviter_id,
       (SELECT count(*) FROM customer m WHERE m.merged_into_id = c.id) AS record_count,
       (SELECT count(*) FROM customer_tag t WHERE t.customer_id = c.id) AS tag_count
  FROM customer c
 WHERE c.id = :customer_id AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL;

-- name: merge_record_nth :lookup     records that stand for a person already: 0, 1, ...
-- scope: none (of customers that were reached, or that the program's own rules found)
SELECT id FROM customer WHERE merged_into_id = :customer_id ORDER BY id LIMIT 1 OFFSET :skip_count;

-- name: merge_tag_nth :lookup     with its exclusive group, if it is in one
-- scope: none (of customers that were reached, or that the program's own rules found)
SELECT t.tag_id, (SELECT x.id FROM tag_group x WHERE x.id = g.group_id AND x.is_exclusive = 1) AS group_id
  FROM customer_tag t JOIN tag g ON g.id = t.tag_id
 WHERE t.customer_id = :customer_id ORDER BY t.tag_id LIMIT 1 OFFSET :skip_count;

-- name: merge_person_write :batch
-- scope: none (of customers that were reached, or that the program's own rules found)
UPDATE customer
   SET name_enc = :name_enc, phone_enc = :phone_enc, email_enc = :email_enc,
       address_enc = :address_enc, region = :region, attributes = :attributes,
       channel_id = :channel_id, invited_by_customer_id = :invited_by_customer_id,
       is_family = :is_family, touched_ms = :touched_ms, added_ms = :added_ms,
       action_day = :action_day, birth_day = :birth_day, child_birth_day = :child_birth_day,
       owner_staff_id = :owner_staff_id, org_id = :org_id, blocked_ms = :blocked_ms,
       changed_ms = :now_ms
 WHERE id = :customer_id AND deleted_ms IS NULL AND merged_into_id IS NULL;

-- name: merge_link :batch     the person has the figures from now on
-- scope: none (of customers that were reached, or that the program's own rules found)
UPDATE customer
   SET merged_into_id = :kept_id, order_count = 0, paid_fen = 0, refunded_fen = 0,
       first_order_ms = NULL, second_order_ms = NULL, last_order_ms = NULL, invited_count = 0,
       changed_ms = :now_ms
 WHERE id = :merged_id AND deleted_ms IS NULL AND merged_into_id IS NULL;

-- name: merge_records_move :batch     never a chain
-- scope: none (of customers that were reached, or that the program's own rules found)
UPDATE customer SET merged_into_id = :kept_id WHERE merged_into_id = :merged_id;

-- name: merge_tag_add :batch
-- scope: none (of customers that were reached, or that the program's own rules found)
INSERT INTO customer_tag (customer_id, tag_id, staff_id, created_ms)
VALUES (:customer_id, :tag_id, :me_staff_id, :now_ms)
ON CONFLICT (customer_id, tag_id) DO NOTHING;

-- name: merge_tags_clear :batch     they are the person's now; what undoes it remembers them
-- scope: none (of customers that were reached, or that the program's own rules found)
DELETE FROM customer_tag WHERE customer_id = :customer_id;

-- name: merge_tag_return :batch     but for tags that are no more
-- scope: none (of a customer that was reached)
INSERT INTO customer_tag (customer_id, tag_id, staff_id, created_ms)
SELECT :customer_id, g.id, :me_staff_id, :now_ms FROM tag g WHERE g.id = :tag_id
ON CONFLICT (customer_id, tag_id) DO NOTHING;

-- name: merge_tag_remove :batch
-- scope: none (of customers that were reached)
DELETE FROM customer_tag WHERE customer_id = :customer_id AND tag_id = :tag_id;

-- name: merge_add :batch
-- scope: none (of customers that were reached, or that the program's own rules found)
INSERT INTO customer_merge (id, kept_customer_id, merged_customer_id, rule, fields_enc, staff_id,
                            merged_ms)
VALUES (:merge_id, :kept_id, :merged_id, :rule, :fields_enc, :staff_id, :now_ms);

-- name: merge_invited_count :batch     persons who came through any record of this one's person
-- scope: none (of customers that were reached, or that the program's own rules found)
UPDATE customer
   SET invited_count = (SELECT count(*) FROM customer r
                          JOIN customer g ON g.invited_by_customer_id = r.id
                         WHERE (r.id = customer.id OR r.merged_into_id = customer.id)
                           AND g.merged_into_id IS NULL)
 WHERE id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer m WHERE m.id = :customer_id);

-- name: merge_inviter_count :batch     the same for the inviter in this record's row, whoever that is
-- scope: none (of customers that were reached)
UPDATE customer
   SET invited_count = (SELECT count(*) FROM customer r
                          JOIN customer g ON g.invited_by_customer_id = r.id
                         WHERE (r.id = customer.id OR r.merged_into_id = customer.id)
                           AND g.merged_into_id IS NULL)
 WHERE id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer g
               JOIN customer m ON m.id = g.invited_by_customer_id WHERE g.id = :customer_id);

-- name: merge_duplicate_close :batch
-- scope: none (of customers that were reached, or that the program's own rules found)
UPDATE duplicate SET status = 'merged'
 WHERE low_customer_id = :low_id AND high_customer_id = :high_id AND status = 'open';

-- name: merge_kinds :lookup     how many identities a person has of the kinds of which people have one
-- scope: none (the program's own rules)
SELECT count(CASE WHEN i.kind = 'unionid' THEN 1 END) AS unionid_count,
       count(CASE WHEN i.kind = 'member_no' THEN 1 END) AS member_count,
       count(CASE WHEN i.kind = 'external_userid' THEN 1 END) AS external_count
  FROM customer r JOIN identity i ON i.customer_id = r.id
 WHERE (r.id = :customer_id OR r.merged_into_id = :customer_id);

-- name: merge_suggest :batch
-- scope: none (the program's own rules)
INSERT INTO duplicate (low_customer_id, high_customer_id, reason, score_ppm, status, found_ms)
VALUES (:low_id, :high_id, :reason, :score_ppm, 'open', :now_ms)
ON CONFLICT (low_customer_id, high_customer_id) DO NOTHING;

-- name: merge_moving :one     what a merge would move, counted
-- scope: none (of a customer that was reached)
SELECT (SELECT count(*) FROM customer r JOIN journal j ON j.customer_id = r.id
         WHERE r.id = :customer_id OR r.merged_into_id = :customer_id) AS event_count,
       (SELECT count(*) FROM customer r JOIN shop_order o ON o.customer_id = r.id
         WHERE r.id = :customer_id OR r.merged_into_id = :customer_id) AS document_count,
       (SELECT count(*) FROM customer r JOIN customer_note n ON n.customer_id = r.id
         WHERE r.id = :customer_id OR r.merged_into_id = :customer_id) AS note_count,
       (SELECT count(*) FROM customer r JOIN consent n ON n.customer_id = r.id
         WHERE r.id = :customer_id OR r.merged_into_id = :customer_id) AS consent_count,
       (SELECT count(*) FROM customer r JOIN customer_owner n ON n.customer_id = r.id
         WHERE r.id = :customer_id OR r.merged_into_id = :customer_id) AS owner_count;

-- name: merge_tag_names :many
-- scope: none (of a customer that was reached)
SELECT g.id, g.family, g.name, g.color FROM customer_tag t JOIN tag g ON g.id = t.tag_id
 WHERE t.customer_id = :customer_id ORDER BY t.tag_id LIMIT 200;

-- ---- undoing ---------------------------------------------------------------------------------------

-- name: merge_get :one
-- scope: none (the route asks customer_reach for the person)
SELECT m.kept_customer_id, m.merged_customer_id, m.fields_enc, m.undone_ms, k.merged_into_id AS above_id
  FROM customer_merge m JOIN customer k ON k.id = m.kept_customer_id
 WHERE m.id = :merge_id;

-- name: merge_of_record :one     the merge that took this record into another person
-- scope: none (of a customer that was reached)
SELECT id FROM customer_merge
 WHERE merged_customer_id = :customer_id AND undone_ms IS NULL ORDER BY id DESC LIMIT 1;

-- name: merge_later :many     merges into the same record after this one, still standing
-- scope: none (of a customer that was reached)
SELECT id, fields_enc FROM customer_merge
 WHERE kept_customer_id = :customer_id AND id > :merge_id AND undone_ms IS NULL
 ORDER BY id LIMIT 200;

-- name: merge_unlink :changed
-- scope: none (of a customer that was reached)
UPDATE customer SET merged_into_id = NULL, changed_ms = :now_ms
 WHERE id = :merged_id AND merged_into_id = :kept_id AND deleted_ms IS NULL;

-- name: merge_record_return :batch
-- scope: none (of customers that were reached)
UPDATE customer SET merged_into_id = :to_id WHERE id = :record_id AND merged_into_id = :from_id;

-- name: merge_since :many     what a person's records did after the merge, by kind
-- scope: none (of a customer that was reached)
SELECT j.kind, min(j.occurred_ms) AS first_ms, max(j.occurred_ms) AS last_ms
  FROM customer r JOIN journal j ON j.customer_id = r.id
 WHERE (r.id = :customer_id OR r.merged_into_id = :customer_id) AND j.id > :merge_id
 GROUP BY j.kind ORDER BY j.kind LIMIT 200;

-- name: merge_first :one     the earliest merge into this record that stands
-- scope: none (of a customer that was reached)
SELECT id, fields_enc FROM customer_merge
 WHERE kept_customer_id = :customer_id AND undone_ms IS NULL ORDER BY id LIMIT 1;

-- name: merge_since_own :many     the same of one record
-- scope: none (of a customer that was reached)
SELECT j.kind, min(j.occurred_ms) AS first_ms, max(j.occurred_ms) AS last_ms
  FROM journal j WHERE j.customer_id = :customer_id AND j.id > :merge_id
 GROUP BY j.kind ORDER BY j.kind LIMIT 200;

-- name: merge_records_seen :one     what the records that stay with a person brought with them
-- scope: none (of a customer that was reached)
SELECT min(r.touched_ms) AS touched_ms, max(r.action_day) AS action_day
  FROM customer r WHERE r.merged_into_id = :customer_id;

-- name: merge_seen_write :changed     of the record that stands alone again
-- scope: none (of a customer that was reached)
UPDATE customer SET touched_ms = :touched_ms, action_day = :action_day
 WHERE id = :customer_id;

-- name: merge_rewrite :batch
-- scope: none (of customers that were reached)
UPDATE customer_merge SET fields_enc = :fields_enc WHERE id = :merge_id;

-- name: merge_undone :changed
-- scope: none (of a customer that was reached)
UPDATE customer_merge
   SET undone_ms = :now_ms, undone_staff_id = :me_staff_id, fields_enc = :fields_enc
 WHERE id = :merge_id AND undone_ms IS NULL;

-- name: merge_history :many     every merge one of the person's records had part in, latest first
-- scope: none (of a customer that was reached)
SELECT m.id, m.kept_customer_id, m.merged_customer_id, m.rule, m.fields_enc, m.staff_id, s.name AS staff_name,
       m.merged_ms, m.undone_ms, m.undone_staff_id, u.name AS undone_staff_name
  FROM customer_merge m
  LEFT JOIN staff s ON s.id = m.staff_id
  LEFT JOIN staff u ON u.id = m.undone_staff_id
 WHERE m.id IN (SELECT k.id FROM customer r JOIN customer_merge k ON k.kept_customer_id = r.id
                 WHERE r.id = :customer_id OR r.merged_into_id = :customer_id
                 UNION
                SELECT o.id FROM customer r JOIN customer_merge o ON o.merged_customer_id = r.id
                 WHERE r.id = :customer_id OR r.merged_into_id = :customer_id)
 ORDER BY m.id DESC LIMIT 100;
