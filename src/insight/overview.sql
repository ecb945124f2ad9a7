-- The butterfly and the money that went back. What each count means: GLOSSARY.md.

-- name: overview_butterfly :one      customers first touched in the period, as they stand now; never: without an order by its end
-- scan: most customers match, so the plus keeps the index out: reading all in order is three times faster
SELECT count(CASE WHEN c.touched_ms >= :from_ms THEN 1 END) AS reached_count,
       count(CASE WHEN c.touched_ms >= :from_ms THEN c.added_ms END) AS added_count,
       count(CASE WHEN c.touched_ms >= :from_ms AND c.action_day > :active_after_day THEN 1 END) AS active_count,
       count(CASE WHEN c.touched_ms >= :from_ms AND c.order_count >= 1 THEN 1 END) AS first_order_count,
       count(CASE WHEN c.touched_ms >= :from_ms AND (c.order_count >= :loyal_order_count OR c.is_family = 1)
                  THEN 1 END) AS loyal_count,
       count(CASE WHEN c.touched_ms >= :from_ms AND c.order_count >= 2 THEN 1 END) AS repurchase_count,
       count(CASE WHEN c.touched_ms >= :from_ms AND c.invited_count >= 1 THEN 1 END) AS sharing_count,
       count(CASE WHEN c.touched_ms >= :from_ms THEN c.invited_by_customer_id END) AS referred_count,
       count(CASE WHEN c.first_order_ms IS NULL OR c.first_order_ms >= :to_ms THEN 1 END) AS never_count
  FROM customer AS c
 WHERE c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND in_scope(c) AND +c.touched_ms < :to_ms
   AND (:branch_path IS NULL
        OR c.channel_id IN (SELECT n.id FROM channel AS n
                             WHERE substr(n.path, 1, length(:branch_path)) = :branch_path));

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
