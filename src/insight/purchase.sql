-- Counted orders that the engine's events do not tell plainly, or not at all.

-- name: purchase_bounds :one
-- scope: none (when the base begins and ends)
SELECT (SELECT min(placed_ms) FROM shop_order) AS first_ms,
       (SELECT max(placed_ms) FROM shop_order) AS last_ms;

-- name: purchase_order :lookup     one as it stands
-- scope: none (of persons who were reached)
SELECT placed_ms, paid_fen, is_counted FROM shop_order WHERE id = :order_id;

-- name: purchase_gone :each     of persons whose data were deleted, each one's in time order
SELECT c.id AS person_id, o.placed_ms, o.paid_fen
  FROM shop_order o
  JOIN customer r ON r.id = o.customer_id
  JOIN customer c ON c.id = coalesce(r.merged_into_id, r.id)
 WHERE o.customer_id IN (SELECT g.id FROM customer g WHERE g.deleted_ms IS NOT NULL
                          UNION
                         SELECT m.id FROM customer m
                          WHERE m.merged_into_id IN (SELECT g.id FROM customer g WHERE g.deleted_ms IS NOT NULL))
   AND c.deleted_ms IS NOT NULL AND in_scope(c)
   AND (:path IS NULL OR c.channel_id IN (SELECT h.id FROM channel h WHERE h.path >= :path AND h.path < :path_end))
   AND o.is_counted = 1 AND o.placed_ms < :to_ms
 ORDER BY c.id, o.placed_ms;
