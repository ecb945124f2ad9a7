-- The rows of a list of customers, and what a profile shows.

-- name: customer_row :lookup
-- scope: none (of a customer that was reached)
SELECT c.customer_number, c.name_enc, c.phone_enc, c.email_enc, c.region, c.channel_id,
       h.name AS channel_name, c.order_count, c.paid_fen, c.refunded_fen, c.first_order_ms,
       c.last_order_ms, c.touched_ms, c.added_ms, c.action_day, c.is_family, c.invited_count,
       c.owner_staff_id, s.name AS owner_name, c.org_id, o.name AS org_name, c.birth_day,
       c.child_birth_day, c.blocked_ms,
       (SELECT count(*) FROM customer_tag t WHERE t.customer_id = c.id) AS tag_count
  FROM customer c LEFT JOIN channel h ON h.id = c.channel_id
  LEFT JOIN staff s ON s.id = c.owner_staff_id LEFT JOIN org o ON o.id = c.org_id
 WHERE c.id = :customer_id;

-- name: customer_tag_nth :lookup     a page's tags, one row each: tag 0, 1, ... of a customer
-- scope: none (of a customer that was reached)
SELECT g.id, g.name, g.color FROM customer_tag t JOIN tag g ON g.id = t.tag_id
 WHERE t.customer_id = :customer_id ORDER BY t.tag_id LIMIT 1 OFFSET :skip_count;

-- name: customer_name :lookup     of the person whom the record stands for
SELECT c.id AS person_id, c.name_enc FROM customer m JOIN customer c ON c.id = coalesce(m.merged_into_id, m.id)
 WHERE m.id = :customer_id AND c.deleted_ms IS NULL AND in_scope(c);

-- name: customer_profile :one
SELECT c.id, c.customer_number, c.name_enc, c.phone_enc, c.email_enc, c.region, c.attributes,
       c.channel_id, h.name AS channel_name, c.invited_by_customer_id, c.is_family, c.touched_ms,
       c.added_ms, c.action_day, c.order_count, c.paid_fen, c.refunded_fen, c.first_order_ms,
       c.last_order_ms, c.invited_count,
       (SELECT s.value FROM setting s WHERE s.name = 'sleep_after_days') AS sleep_value,
       (SELECT s.value FROM setting s WHERE s.name = 'lost_after_days') AS lost_value
  FROM customer c LEFT JOIN channel h ON h.id = c.channel_id
 WHERE c.id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer m WHERE m.id = :customer_id)
   AND c.deleted_ms IS NULL AND in_scope(c);

-- name: customer_tags :many     along the key; the profile puts them into the order of words
-- scope: none (of a customer that was reached)
SELECT g.id, g.family, g.name, g.color FROM customer_tag t JOIN tag g ON g.id = t.tag_id
 WHERE t.customer_id = :customer_id ORDER BY t.tag_id LIMIT 200;

-- name: customer_timeline :many
-- scope: none (of a customer that was reached)
-- a page of each of the person's records, from its index, and of those the latest: never all entries
SELECT j.id, j.kind, j.occurred_ms, h.name AS channel_name, j.subject_id, j.amount_fen,
       j.properties
  FROM customer r
  JOIN journal j ON j.id IN (SELECT e.id FROM journal e
                              WHERE e.customer_id = r.id AND e.occurred_ms <= :key_number
                                AND (e.occurred_ms < :key_number OR e.id < :from_id)
                                AND (:kind_group IS NULL OR :kind_group =
                                     CASE WHEN substr(e.kind, 1, 6) = 'order_' THEN 'trade'
                                          WHEN substr(e.kind, 1, 4) = 'tag_' THEN 'tag'
                                          WHEN substr(e.kind, 1, 9) IN ('customer_', 'relation_')
                                               OR substr(e.kind, 1, 6) = 'owner_'
                                               OR substr(e.kind, 1, 8) = 'consent_' THEN 'profile'
                                          ELSE 'behaviour' END)
                              ORDER BY e.occurred_ms DESC, e.id DESC LIMIT :limit_count)
  LEFT JOIN channel h ON h.id = j.channel_id
 WHERE r.id = :customer_id OR r.merged_into_id = :customer_id
 ORDER BY j.occurred_ms DESC, j.id DESC LIMIT :limit_count;

-- name: customer_timeline_channel :lookup
SELECT name AS channel_name FROM channel WHERE id = :channel_id;
