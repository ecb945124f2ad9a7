-- The list of customers: a page of ids in one of four orders, downwards from a cursor (key, id), and the rows of a page. The orders are
-- branches of which one runs, each along its index; the start of a list is INT64_MAX.

-- name: customer_page :many
WITH hit AS NOT MATERIALIZED (SELECT c.id, c.touched_ms, c.last_order_ms, c.paid_fen, c.order_count
  FROM customer c
 WHERE c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c)
   AND (:state IS NULL
        OR (:state = 'never' AND c.order_count = 0)
        OR (:state = 'once' AND c.order_count = 1 AND c.last_order_ms >= :sleep_before_ms)
        OR (:state = 'repeat' AND c.order_count >= 2 AND c.last_order_ms >= :sleep_before_ms)
        OR (:state = 'sleeping' AND c.order_count > 0 AND c.last_order_ms < :sleep_before_ms
            AND c.last_order_ms >= :lost_before_ms)
        OR (:state = 'lost' AND c.order_count > 0 AND c.last_order_ms < :lost_before_ms))
   AND (:stage IS NULL OR :stage = 'reached'
        OR (:stage = 'added' AND c.added_ms IS NOT NULL)
        OR (:stage = 'active' AND c.action_day >= :active_from_day)
        OR (:stage = 'first_order' AND c.order_count >= 1)
        OR (:stage = 'loyal' AND (c.order_count >= :loyal_count OR c.is_family = 1))
        OR (:stage = 'repurchase' AND c.order_count >= 2)
        OR (:stage = 'sharing' AND c.invited_count >= 1)
        OR (:stage = 'referred' AND c.invited_by_customer_id IS NOT NULL))
   AND (:path IS NULL OR c.channel_id IN (SELECT h.id FROM channel h
                                           WHERE h.path >= :path AND h.path < :path_end))
   AND (:tag_id IS NULL OR EXISTS (SELECT 1 FROM customer_tag t
                                    WHERE t.customer_id = c.id AND t.tag_id = :tag_id))
   AND (:from_ms IS NULL OR c.touched_ms >= :from_ms)
   AND (:to_ms IS NULL OR c.touched_ms < :to_ms)
   AND (:first_from_ms IS NULL OR (c.first_order_ms >= :first_from_ms
                                   AND c.first_order_ms < :first_to_ms)))
SELECT id, key_number
  FROM (SELECT id, touched_ms AS key_number FROM hit
         WHERE :sort = 'newest' AND touched_ms <= :key_number AND (touched_ms < :key_number OR id < :from_id)
         ORDER BY touched_ms DESC, id DESC LIMIT :limit_count) newest_page
UNION ALL SELECT id, key_number
  FROM (SELECT id, last_order_ms AS key_number FROM hit
         WHERE :sort = 'last_order' AND last_order_ms <= :key_number AND (last_order_ms < :key_number OR id < :from_id)
         ORDER BY last_order_ms DESC, id DESC LIMIT :limit_count) last_order_page
UNION ALL SELECT id, key_number
  FROM (SELECT id, 0 AS key_number FROM hit
         WHERE :sort = 'no_order' AND last_order_ms IS NULL AND id < :from_id
         ORDER BY id DESC LIMIT :limit_count) no_order_page
UNION ALL SELECT id, key_number
  FROM (SELECT id, paid_fen AS key_number FROM hit
         WHERE :sort = 'paid' AND paid_fen <= :key_number AND (paid_fen < :key_number OR id < :from_id)
         ORDER BY paid_fen DESC, id DESC LIMIT :limit_count) paid_page
UNION ALL SELECT id, key_number
  FROM (SELECT id, order_count AS key_number FROM hit
         WHERE :sort = 'orders' AND order_count <= :key_number AND (order_count < :key_number OR id < :from_id)
         ORDER BY order_count DESC, id DESC LIMIT :limit_count) orders_page
 ORDER BY 2 DESC, 1 DESC LIMIT :limit_count;

-- name: customer_page_count :one
-- scan: any filters together; 3 ms for 20,000 customers
SELECT count(*) AS total_count FROM customer c
 WHERE c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c)
   AND (:state IS NULL
        OR (:state = 'never' AND c.order_count = 0)
        OR (:state = 'once' AND c.order_count = 1 AND c.last_order_ms >= :sleep_before_ms)
        OR (:state = 'repeat' AND c.order_count >= 2 AND c.last_order_ms >= :sleep_before_ms)
        OR (:state = 'sleeping' AND c.order_count > 0 AND c.last_order_ms < :sleep_before_ms
            AND c.last_order_ms >= :lost_before_ms)
        OR (:state = 'lost' AND c.order_count > 0 AND c.last_order_ms < :lost_before_ms))
   AND (:stage IS NULL OR :stage = 'reached'
        OR (:stage = 'added' AND c.added_ms IS NOT NULL)
        OR (:stage = 'active' AND c.action_day >= :active_from_day)
        OR (:stage = 'first_order' AND c.order_count >= 1)
        OR (:stage = 'loyal' AND (c.order_count >= :loyal_count OR c.is_family = 1))
        OR (:stage = 'repurchase' AND c.order_count >= 2)
        OR (:stage = 'sharing' AND c.invited_count >= 1)
        OR (:stage = 'referred' AND c.invited_by_customer_id IS NOT NULL))
   AND (:path IS NULL OR c.channel_id IN (SELECT h.id FROM channel h
                                           WHERE h.path >= :path AND h.path < :path_end))
   AND (:tag_id IS NULL OR EXISTS (SELECT 1 FROM customer_tag t
                                    WHERE t.customer_id = c.id AND t.tag_id = :tag_id))
   AND (:from_ms IS NULL OR c.touched_ms >= :from_ms)
   AND (:to_ms IS NULL OR c.touched_ms < :to_ms)
   AND (:first_from_ms IS NULL OR (c.first_order_ms >= :first_from_ms
                                   AND c.first_order_ms < :first_to_ms));

-- name: customer_page_match :lookup     of those found by text: which pass the filters
SELECT c.id, c.touched_ms, c.last_order_ms, c.paid_fen, c.order_count FROM customer c
 WHERE c.id = :customer_id AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c)
   AND (:state IS NULL
        OR (:state = 'never' AND c.order_count = 0)
        OR (:state = 'once' AND c.order_count = 1 AND c.last_order_ms >= :sleep_before_ms)
        OR (:state = 'repeat' AND c.order_count >= 2 AND c.last_order_ms >= :sleep_before_ms)
        OR (:state = 'sleeping' AND c.order_count > 0 AND c.last_order_ms < :sleep_before_ms
            AND c.last_order_ms >= :lost_before_ms)
        OR (:state = 'lost' AND c.order_count > 0 AND c.last_order_ms < :lost_before_ms))
   AND (:stage IS NULL OR :stage = 'reached'
        OR (:stage = 'added' AND c.added_ms IS NOT NULL)
        OR (:stage = 'active' AND c.action_day >= :active_from_day)
        OR (:stage = 'first_order' AND c.order_count >= 1)
        OR (:stage = 'loyal' AND (c.order_count >= :loyal_count OR c.is_family = 1))
        OR (:stage = 'repurchase' AND c.order_count >= 2)
        OR (:stage = 'sharing' AND c.invited_count >= 1)
        OR (:stage = 'referred' AND c.invited_by_customer_id IS NOT NULL))
   AND (:path IS NULL OR c.channel_id IN (SELECT h.id FROM channel h
                                           WHERE h.path >= :path AND h.path < :path_end))
   AND (:tag_id IS NULL OR EXISTS (SELECT 1 FROM customer_tag t
                                    WHERE t.customer_id = c.id AND t.tag_id = :tag_id))
   AND (:from_ms IS NULL OR c.touched_ms >= :from_ms)
   AND (:to_ms IS NULL OR c.touched_ms < :to_ms)
   AND (:first_from_ms IS NULL OR (c.first_order_ms >= :first_from_ms
                                   AND c.first_order_ms < :first_to_ms));

-- name: customer_row :lookup
-- scope: none (of a customer that was reached)
SELECT c.name_enc, c.phone_enc, c.region, c.channel_id, h.name AS channel_name, c.order_count,
       c.paid_fen, c.last_order_ms, c.touched_ms, c.added_ms, c.is_family,
       (SELECT count(*) FROM customer_tag t WHERE t.customer_id = c.id) AS tag_count
  FROM customer c LEFT JOIN channel h ON h.id = c.channel_id
 WHERE c.id = :customer_id;

-- name: customer_tag_nth :lookup     a page's tags, one row each: tag 0, 1, ... of a customer
-- scope: none (of a customer that was reached)
SELECT g.id, g.name, g.color FROM customer_tag t JOIN tag g ON g.id = t.tag_id
 WHERE t.customer_id = :customer_id ORDER BY t.tag_id LIMIT 1 OFFSET :skip_count;

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
