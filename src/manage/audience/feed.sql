-- What feeds the engine: the journal in order, and customers as they stand.

-- name: feed_journal :many
-- scope: none (the engine knows all; each question is limited by who asks)
SELECT j.id, j.kind, j.occurred_ms, j.channel_id, j.subject_id, j.amount_fen, j.properties,
       c.customer_number, CASE WHEN c.deleted_ms IS NULL THEN 0 ELSE 1 END AS is_deleted
  FROM journal j LEFT JOIN customer c ON c.id = j.customer_id
 WHERE j.id > :from_id ORDER BY j.id LIMIT :limit_count;

-- name: feed_end :one     how far the journal goes, and the newest attribute and channel
-- scope: none (of nobody)
SELECT CASE WHEN (SELECT coalesce(max(b.id), 0) FROM behaviour_page b) > coalesce(max(id), 0)
            THEN (SELECT max(b.id) FROM behaviour_page b) ELSE coalesce(max(id), 0) END AS event_id,
       (SELECT coalesce(max(a.id), 0) FROM attribute a) AS attribute_id,
       (SELECT coalesce(max(c.id), 0) FROM channel c) AS channel_id FROM journal;

-- name: feed_channels :many     those that came since
SELECT id FROM channel WHERE id > :from_id ORDER BY id LIMIT 5000;

-- name: feed_journal_has :one
-- scope: none (is it this base's journal)
SELECT count(*) + (SELECT count(*) FROM behaviour_page b WHERE b.id = :id) AS event_count
  FROM journal WHERE id = :id;

-- name: feed_gone_numbers :each     of deleted people
-- scope: none (the engine knows all; each question is limited by who asks)
-- scan: few, once a start
SELECT customer_number FROM customer WHERE deleted_ms IS NOT NULL;

-- name: feed_event :one     is it the event, or the page of behaviours, that it was
-- scope: none (of the engine's files)
SELECT kind, occurred_ms, customer_id FROM journal WHERE id = :id
UNION ALL
SELECT '' AS kind, event_count AS occurred_ms, CAST(length(events_blob) AS BIGINT) AS customer_id
  FROM behaviour_page WHERE id = :id;

-- name: feed_fill_to :many     the next customers, by id
-- scope: none (the engine knows all; each question is limited by who asks)
SELECT id FROM customer WHERE id > :from_id ORDER BY id LIMIT :limit_count;

-- name: feed_customers :each     those with an id in the range, and the persons that the events in the range name, with all their records; and who invited those, since it may be now
-- scope: none (the engine knows all; each question is limited by who asks)
SELECT c.customer_number, coalesce(p.customer_number, c.customer_number) AS kept_number, c.deleted_ms,
       c.attributes, c.region, c.channel_id, c.owner_staff_id, c.org_id, c.is_family, c.blocked_ms,
       c.touched_ms, c.added_ms, c.action_day, c.order_count, c.paid_fen, c.refunded_fen,
       c.first_order_ms, c.second_order_ms, c.last_order_ms, c.birth_day, c.child_birth_day,
       c.invited_by_customer_id, c.invited_count
  FROM customer c LEFT JOIN customer p ON p.id = c.merged_into_id
 WHERE c.id IN (SELECT f.id FROM customer f WHERE f.id > :from_customer_id AND f.id <= :to_customer_id
                UNION
                SELECT j.customer_id FROM journal j WHERE j.id > :from_event_id AND j.id <= :to_event_id
                UNION
                SELECT r.merged_into_id FROM journal j JOIN customer r ON r.id = j.customer_id
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id
                UNION
                SELECT m.id FROM journal j JOIN customer r ON r.id = j.customer_id
                  JOIN customer m ON m.merged_into_id = coalesce(r.merged_into_id, r.id)
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id
                UNION
                SELECT coalesce(i.merged_into_id, i.id) FROM journal j JOIN customer r ON r.id = j.customer_id
                  JOIN customer i ON i.id = r.invited_by_customer_id
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id
                UNION
                SELECT coalesce(i.merged_into_id, i.id) FROM journal j JOIN customer r ON r.id = j.customer_id
                  JOIN customer p ON p.id = r.merged_into_id JOIN customer i ON i.id = p.invited_by_customer_id
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id);

-- name: feed_tags_all :each
-- scope: none (the engine knows all; each question is limited by who asks)
SELECT c.customer_number, t.tag_id
  FROM customer_tag t JOIN customer c ON c.id = t.customer_id
 WHERE t.customer_id > :from_customer_id AND t.customer_id <= :to_customer_id;

-- name: feed_tags :each     of customers with an id in the range, and of the persons whose tags the events in the range may have changed, record by record; tag_id none: it has none
-- scope: none (the engine knows all; each question is limited by who asks)
SELECT c.customer_number, t.tag_id
  FROM customer c LEFT JOIN customer_tag t ON t.customer_id = c.id
 WHERE c.id IN (SELECT f.id FROM customer f WHERE f.id > :from_customer_id AND f.id <= :to_customer_id
                UNION
                SELECT j.customer_id FROM journal j
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id
                   AND j.kind IN ('customer_added', 'customer_edited', 'customer_deleted',
                                   'customer_merged', 'customer_unmerged', 'tag_added', 'tag_removed')
                UNION
                SELECT r.merged_into_id FROM journal j JOIN customer r ON r.id = j.customer_id
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id
                   AND j.kind IN ('customer_added', 'customer_edited', 'customer_deleted',
                                   'customer_merged', 'customer_unmerged', 'tag_added', 'tag_removed')
                UNION
                SELECT m.id FROM journal j JOIN customer r ON r.id = j.customer_id
                  JOIN customer m ON m.merged_into_id = coalesce(r.merged_into_id, r.id)
                 WHERE j.id > :from_event_id AND j.id <= :to_event_id
                   AND j.kind IN ('customer_added', 'customer_edited', 'customer_deleted',
                                   'customer_merged', 'customer_unmerged', 'tag_added', 'tag_removed'))
 ORDER BY c.customer_number, t.tag_id;

-- name: feed_gone :one     is there anything the base has no more since then
-- scope: none (of nobody)
SELECT (SELECT count(*) FROM customer WHERE deleted_ms >= :made_ms) AS deleted_count,
       (SELECT count(*) FROM meta WHERE name = 'journal_dropped_ms' AND value >= :made_text) AS dropped_count;
