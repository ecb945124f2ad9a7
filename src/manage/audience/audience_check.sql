-- What the engine must agree with.

-- name: audience_events :each     by kind and 30 days
-- scope: none (a check of the whole base)
-- scan: all of it is compared
SELECT j.kind, CASE WHEN j.occurred_ms < 0 THEN 0 ELSE j.occurred_ms / 2592000000 END AS span_number,
       count(*) AS event_count, CAST(coalesce(sum(j.amount_fen), 0) AS BIGINT) AS amount_fen
  FROM journal j JOIN customer c ON c.id = j.customer_id
 WHERE c.deleted_ms IS NULL
 GROUP BY j.kind, CASE WHEN j.occurred_ms < 0 THEN 0 ELSE j.occurred_ms / 2592000000 END;

-- name: audience_pages :each     of behaviours
-- scan: all of it is compared
SELECT id, events_blob FROM behaviour_page ORDER BY id;

-- name: audience_people :one
-- scope: none (a check of the whole base)
-- scan: all of it is compared
SELECT count(*) AS record_count,
       count(CASE WHEN merged_into_id IS NULL THEN 1 END) AS person_count
  FROM customer WHERE deleted_ms IS NULL;

-- name: audience_numbers :many     of customers, by id
-- scope: none (a check of the whole base)
SELECT id, customer_number FROM customer WHERE id > :from_id ORDER BY id LIMIT :limit_count;

-- name: audience_members :each     of segments and lists that may be named
-- scope: none (a check of the whole base)
-- scan: all of it is compared
SELECT m.segment_id, s.kind, c.customer_number
  FROM segment_member m JOIN segment s ON s.id = m.segment_id JOIN customer c ON c.id = m.customer_id
 WHERE s.archived_ms IS NULL AND (s.kind = 'live' OR s.filled_ms IS NOT NULL);
