-- Which customers: every filter of the list, together, written once. Groups that are not asked for cost one comparison a row. All of
-- it lies in the index customer_by_filter, so a whole walk reads no row of the table.

-- part: more_sets
(:segment_id IS NULL
        OR EXISTS (SELECT 1 FROM segment_member s WHERE s.segment_id = :segment_id AND s.customer_id = c.id)
        OR EXISTS (SELECT 1 FROM customer m1 JOIN segment_member s ON s.customer_id = m1.id
                    WHERE m1.merged_into_id = c.id AND s.segment_id = :segment_id))
   AND (:tag2_id IS NULL
        OR EXISTS (SELECT 1 FROM customer_tag t2 WHERE t2.customer_id = c.id AND t2.tag_id = :tag2_id)
        OR EXISTS (SELECT 1 FROM customer m2 JOIN customer_tag t2 ON t2.customer_id = m2.id
                    WHERE m2.merged_into_id = c.id AND t2.tag_id = :tag2_id))
   AND (:tag3_id IS NULL
        OR EXISTS (SELECT 1 FROM customer_tag t3 WHERE t3.customer_id = c.id AND t3.tag_id = :tag3_id)
        OR EXISTS (SELECT 1 FROM customer m3 JOIN customer_tag t3 ON t3.customer_id = m3.id
                    WHERE m3.merged_into_id = c.id AND t3.tag_id = :tag3_id))

-- part: plain
c.deleted_ms IS NULL AND c.merged_into_id IS NULL
   AND (:has_figures = 0
        OR (c.order_count >= :order_min_count AND c.order_count <= :order_max_count
            AND c.paid_fen >= :paid_min_fen AND c.paid_fen <= :paid_max_fen
            AND (:last_from_ms IS NULL OR c.last_order_ms >= :last_from_ms)
            AND (:last_to_ms IS NULL OR c.last_order_ms < :last_to_ms)
            AND (:first_from_ms IS NULL OR (c.first_order_ms >= :first_from_ms
                                            AND c.first_order_ms < :first_to_ms))))
   AND (:has_stage = 0
        OR ((:is_added = 0 OR c.added_ms IS NOT NULL)
            AND (:active_from_day IS NULL OR c.action_day >= :active_from_day)
            AND (:loyal_count IS NULL OR c.order_count >= :loyal_count OR c.is_family = 1)
            AND (:is_sharing = 0 OR c.invited_count >= 1)
            AND (:is_referred = 0 OR c.invited_by_customer_id IS NOT NULL)))
   AND (:path IS NULL OR c.channel_id IN (SELECT h.id FROM channel h
                                           WHERE h.path >= :path AND h.path < :path_end))
   AND (:has_owner = 0
        OR ((:owner_staff_id IS NULL OR c.owner_staff_id = :owner_staff_id)
            AND (:is_unowned = 0 OR c.owner_staff_id IS NULL)
            AND (:org_path IS NULL OR c.org_id IN (SELECT o.id FROM org o WHERE o.path >= :org_path
                                                      AND o.path < :org_path_end))))
   AND (:has_person = 0
        OR ((:child_from_day IS NULL OR (c.child_birth_day >= :child_from_day
                                         AND c.child_birth_day < :child_to_day))
            AND (:blocked_number IS NULL OR (:blocked_number = 1 AND c.blocked_ms IS NOT NULL)
                 OR (:blocked_number = 0 AND c.blocked_ms IS NULL))
            AND (:family_number IS NULL OR c.is_family = :family_number)))
   AND part(more_sets)

-- part: filter
(:who_blob IS NULL OR has_bit(:who_blob, c.customer_number) = 1) AND part(plain)

-- part: has_tag
(:tag_id IS NULL
        OR EXISTS (SELECT 1 FROM customer_tag t WHERE t.customer_id = c.id AND t.tag_id = :tag_id)
        OR EXISTS (SELECT 1 FROM customer m JOIN customer_tag t ON t.customer_id = m.id
                    WHERE m.merged_into_id = c.id AND t.tag_id = :tag_id))

-- part: led     whoever has the tag or, without one, is in the segment
(SELECT t.customer_id AS id FROM customer_tag t WHERE t.tag_id = :tag_id
        UNION ALL
        SELECT DISTINCT r.merged_into_id AS id
          FROM customer r JOIN customer_tag t ON t.customer_id = r.id
         WHERE r.merged_into_id IS NOT NULL AND t.tag_id = :tag_id
           AND NOT EXISTS (SELECT 1 FROM customer_tag u
                            WHERE u.customer_id = r.merged_into_id AND u.tag_id = :tag_id)
        UNION ALL
        SELECT m.customer_id AS id FROM segment_member m
         WHERE :tag_id IS NULL AND m.segment_id = :led_segment_id
        UNION ALL
        SELECT DISTINCT r.merged_into_id AS id FROM customer r
         WHERE r.merged_into_id IS NOT NULL AND :tag_id IS NULL
           AND EXISTS (SELECT 1 FROM segment_member m
                        WHERE m.segment_id = :led_segment_id AND m.customer_id = r.id)
           AND NOT EXISTS (SELECT 1 FROM segment_member n
                            WHERE n.segment_id = :led_segment_id AND n.customer_id = r.merged_into_id))

-- part: sort_key
CASE :sort_number WHEN 1 THEN coalesce(c.last_order_ms, -1) WHEN 2 THEN c.paid_fen
                       WHEN 3 THEN c.order_count ELSE c.touched_ms END

-- name: filter_newest :many     downwards along the index, which has all that is asked
SELECT c.id, c.touched_ms AS key_number FROM customer c
 WHERE c.touched_ms >= :from_ms AND c.touched_ms < :to_ms AND c.touched_ms <= :key_number
   AND (c.touched_ms < :key_number OR c.id < :after_id) AND part(filter) AND in_scope(c)
 ORDER BY c.touched_ms DESC, c.id DESC LIMIT :limit_count;

-- name: filter_sorted :many     the same index walked to its end, the best of it kept and all of it counted
-- scan: any filters together, in an order that is not the index's
SELECT id, key_number, total_count
  FROM (SELECT c.id, part(sort_key) AS key_number, count(*) OVER () AS total_count FROM customer c
         WHERE c.touched_ms >= :from_ms AND c.touched_ms < :to_ms AND part(filter) AND in_scope(c)) hit
 WHERE key_number < :key_number OR (key_number = :key_number AND id < :after_id)
 ORDER BY key_number DESC, id DESC LIMIT :limit_count;

-- name: filter_top :many     the same without counting: to count many costs more than a second walk
-- scan: any filters together, in an order that is not the index's
SELECT id, key_number
  FROM (SELECT c.id, part(sort_key) AS key_number FROM customer c
         WHERE c.touched_ms >= :from_ms AND c.touched_ms < :to_ms AND part(filter) AND in_scope(c)) hit
 WHERE key_number < :key_number OR (key_number = :key_number AND id < :after_id)
 ORDER BY key_number DESC, id DESC LIMIT :limit_count;

-- name: filter_led :many     whoever leads, looked up one by one, and counted
SELECT id, key_number, total_count
  FROM (SELECT c.id, part(sort_key) AS key_number, count(*) OVER () AS total_count
          FROM part(led) led JOIN customer c ON c.id = led.id
         WHERE c.touched_ms + 0 >= :from_ms AND c.touched_ms + 0 < :to_ms AND part(filter)
           AND in_scope(c)) hit
 WHERE key_number < :key_number OR (key_number = :key_number AND id < :after_id)
 ORDER BY key_number DESC, id DESC LIMIT :limit_count;

-- name: filter_probe :many     the first of an order: enough wherever the filters are not narrow
SELECT id, key_number
  FROM (SELECT id, touched_ms AS key_number
          FROM (SELECT c.id, c.touched_ms FROM customer c
                 WHERE :sort_number = 0 AND c.touched_ms <= :key_number
                   AND (c.touched_ms < :key_number OR c.id < :after_id)
                 ORDER BY c.touched_ms DESC, c.id DESC LIMIT 2000) newest
        UNION ALL SELECT id, last_order_ms AS key_number
          FROM (SELECT c.id, c.last_order_ms FROM customer c
                 WHERE :sort_number = 1 AND c.last_order_ms <= :key_number
                   AND (c.last_order_ms < :key_number OR c.id < :after_id)
                 ORDER BY c.last_order_ms DESC, c.id DESC LIMIT 2000) last_order
        UNION ALL SELECT id, -1 AS key_number
          FROM (SELECT c.id FROM customer c
                 WHERE :sort_number = 1 AND :key_number = -1 AND c.last_order_ms IS NULL
                   AND c.id < :after_id
                 ORDER BY c.id DESC LIMIT 2000) never
        UNION ALL SELECT id, paid_fen AS key_number
          FROM (SELECT c.id, c.paid_fen FROM customer c
                 WHERE :sort_number = 2 AND c.paid_fen <= :key_number
                   AND (c.paid_fen < :key_number OR c.id < :after_id)
                 ORDER BY c.paid_fen DESC, c.id DESC LIMIT 2000) paid
        UNION ALL SELECT id, order_count AS key_number
          FROM (SELECT c.id, c.order_count FROM customer c
                 WHERE :sort_number = 3 AND c.order_count <= :key_number
                   AND (c.order_count < :key_number OR c.id < :after_id)
                 ORDER BY c.order_count DESC, c.id DESC LIMIT 2000) orders) first
 WHERE id IN (SELECT c.id FROM customer c
               WHERE c.id = first.id AND c.touched_ms + 0 >= :from_ms AND c.touched_ms + 0 < :to_ms
                 AND part(filter) AND part(has_tag) AND in_scope(c))
 ORDER BY key_number DESC, id DESC LIMIT :limit_count;

-- name: filter_count :one
SELECT count(*) AS total_count FROM customer c
 WHERE c.touched_ms >= :from_ms AND c.touched_ms < :to_ms AND part(filter) AND in_scope(c);

-- name: filter_all_count :one     without any filter, for those who reach all: no row is looked at
-- scope: none (how many there are, for REACH_ALL)
-- scan: only counts entries of an index
SELECT (SELECT count(*) FROM customer) - (SELECT count(*) FROM customer WHERE deleted_ms IS NOT NULL)
       - (SELECT count(*) FROM customer WHERE merged_into_id IS NOT NULL AND deleted_ms IS NULL)
       AS total_count;

-- name: filter_sets_count :one     by tags and a segment alone, for those who reach all: no customer's row is looked at
-- scope: none (how many there are, for REACH_ALL)
SELECT count(*) AS total_count FROM part(led) c
 WHERE c.id NOT IN (SELECT m.id FROM customer m WHERE m.merged_into_id IS NOT NULL)
   AND c.id NOT IN (SELECT d.id FROM customer d WHERE d.deleted_ms IS NOT NULL) AND part(more_sets);

-- name: filter_led_count :one
SELECT count(*) AS total_count FROM part(led) led JOIN customer c ON c.id = led.id
 WHERE c.touched_ms + 0 >= :from_ms AND c.touched_ms + 0 < :to_ms AND part(filter) AND in_scope(c);

-- name: filter_match :lookup     of those found in memory: which pass all but `who`
SELECT c.id, part(sort_key) AS key_number, c.customer_number FROM customer c
 WHERE c.id = :customer_id AND c.touched_ms + 0 >= :from_ms AND c.touched_ms + 0 < :to_ms
   AND part(plain) AND part(has_tag) AND in_scope(c);

-- name: filter_numbered :lookup     of a few by `who`
-- scope: none (filter_match asks)
SELECT c.id FROM customer c WHERE c.customer_number = :customer_number;

-- name: filter_fix :changed     the subjects of a job, as they are now
-- scan: any filters together
INSERT INTO job_item (job_id, subject_id, was, is_changed)
SELECT :job_id, c.id, NULL, 0 FROM customer c
 WHERE c.touched_ms >= :from_ms AND c.touched_ms < :to_ms AND part(filter) AND in_scope(c)
 ORDER BY c.id;

-- name: filter_fix_led :changed
-- scan: any filters together
INSERT INTO job_item (job_id, subject_id, was, is_changed)
SELECT :job_id, c.id, NULL, 0 FROM part(led) led JOIN customer c ON c.id = led.id
 WHERE c.touched_ms + 0 >= :from_ms AND c.touched_ms + 0 < :to_ms AND part(filter) AND in_scope(c)
 ORDER BY c.id;

-- name: filter_fix_ids :batch
INSERT INTO job_item (job_id, subject_id, was, is_changed) VALUES (:job_id, :subject_id, NULL, 0);

-- name: filter_tag_count :lookup     the rarest tag of several leads
-- scope: none (how many, to choose the way)
SELECT count(*) AS customer_count FROM customer_tag t WHERE t.tag_id = :tag_id;

-- name: filter_segment :one
SELECT id FROM segment WHERE id = :segment_id;

-- name: filter_org :one
SELECT path FROM org WHERE id = :org_id;
