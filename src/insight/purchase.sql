-- Counted orders of identified customers, each customer's in time order, from an index that holds all four columns.

-- name: purchase_bounds :one
-- scope: none
SELECT (SELECT min(placed_ms) FROM shop_order) AS first_ms,
       (SELECT max(placed_ms) FROM shop_order) AS last_ms;

-- name: purchase_all :each
-- scope: none
SELECT customer_id, placed_ms, paid_fen
  FROM shop_order
 WHERE customer_id IS NOT NULL AND is_counted = 1 AND placed_ms < :to_ms
 ORDER BY customer_id, placed_ms;

-- name: purchase_branch :each
-- scope: none
SELECT o.customer_id, o.placed_ms, o.paid_fen
  FROM shop_order AS o
  JOIN customer AS c ON c.id = o.customer_id
 WHERE o.is_counted = 1 AND o.placed_ms < :to_ms
   AND c.channel_id IN (SELECT n.id FROM channel AS n
                         WHERE substr(n.path, 1, length(:branch_path)) = :branch_path)
 ORDER BY o.customer_id, o.placed_ms;
