-- Counted orders of identified customers, each record's in time order, from an index that holds all four columns.

-- name: purchase_bounds :one
-- scope: none (when the base begins and ends)
SELECT (SELECT min(placed_ms) FROM shop_order) AS first_ms,
       (SELECT max(placed_ms) FROM shop_order) AS last_ms;

-- name: purchase_all :each
-- scope: none (the pass leaves out whose person was not reached)
SELECT customer_id, placed_ms, paid_fen
  FROM shop_order
 WHERE customer_id IS NOT NULL AND is_counted = 1 AND placed_ms < :to_ms
 ORDER BY customer_id, placed_ms;
