-- What the engine does not know: who came through whom, and the money that went back. What each count means: GLOSSARY.md.

-- name: overview_sharing :one      of customers first touched in the period, as they stand now
-- scan: along the index of inviters, which few have
SELECT (SELECT count(*) FROM customer AS c
         WHERE c.invited_by_customer_id > 0
           AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c)
           AND +c.touched_ms >= :from_ms AND +c.touched_ms < :to_ms
           AND (:branch_path IS NULL
                OR c.channel_id IN (SELECT n.id FROM channel AS n
                                     WHERE substr(n.path, 1, length(:branch_path)) = :branch_path)))
       AS referred_count,
       (SELECT count(*) FROM customer AS c
         WHERE c.id IN (SELECT coalesce(m.merged_into_id, m.id) FROM customer AS m
                         WHERE m.id IN (SELECT g.invited_by_customer_id FROM customer AS g
                                         WHERE g.invited_by_customer_id > 0))
           AND c.invited_count >= 1
           AND c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c)
           AND +c.touched_ms >= :from_ms AND +c.touched_ms < :to_ms
           AND (:branch_path IS NULL
                OR c.channel_id IN (SELECT n.id FROM channel AS n
                                     WHERE substr(n.path, 1, length(:branch_path)) = :branch_path)))
       AS sharing_count;

-- name: overview_refunds :one
-- scan: refunds are few beside orders and have no index by time
SELECT CAST(coalesce(sum(r.amount_fen), 0) AS BIGINT) AS refunded_fen
  FROM refund AS r
  JOIN shop_order AS o ON o.id = r.order_id
 WHERE r.refunded_ms >= :from_ms AND r.refunded_ms < :to_ms AND customer_in_scope(o.customer_id)
   AND o.customer_id IS NOT NULL
   AND (:branch_path IS NULL
        OR o.customer_id IN (SELECT c.id FROM customer AS c
                              JOIN customer AS p ON p.id = coalesce(c.merged_into_id, c.id)
                              JOIN channel AS n ON n.id = p.channel_id
                             WHERE substr(n.path, 1, length(:branch_path)) = :branch_path));
