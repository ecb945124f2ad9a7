-- Taking out what an import of orders made.

-- name: order_undo_find :lookup
-- scope: none (an import is undone by who reaches all)
SELECT id, kind, status, customer_id, channel_id, placed_ms, paid_fen, refunded_fen, is_counted
  FROM shop_order WHERE id = :order_id;

-- name: order_undo_lines :batch
DELETE FROM order_line WHERE order_id = :order_id AND line_seq = :line_seq;

-- name: order_undo_recount :lookup     its sums from the lines that are left
-- scope: none (an import is undone by who reaches all)
UPDATE shop_order
   SET line_count = f.line_count,
       sale_line_count = f.sale_line_count,
       paid_fen = f.paid_fen,
       net_fen = f.net_fen,
       placed_ms = COALESCE(f.placed_ms, shop_order.placed_ms),
       is_counted = CASE WHEN shop_order.kind = 'sale' AND f.sale_line_count > 0 THEN 1 ELSE 0 END,
       changed_ms = :now_ms
  FROM (SELECT COUNT(*) AS line_count,
               COUNT(CASE WHEN l.quantity_count > 0 AND l.unit_price_micro > 0 THEN 1 END)
               AS sale_line_count,
               COALESCE(SUM(CASE WHEN l.quantity_count > 0 AND l.unit_price_micro > 0
                                 THEN l.amount_fen END), 0) AS paid_fen,
               COALESCE(SUM(l.amount_fen), 0) AS net_fen,
               MIN(l.placed_ms) AS placed_ms
          FROM order_line AS l
         WHERE l.order_id = :order_id) AS f
 WHERE shop_order.id = :order_id
RETURNING shop_order.line_count AS line_count, shop_order.paid_fen AS paid_fen,
          shop_order.is_counted AS is_counted;

-- name: order_undo_delete :batch
-- scope: none (an import is undone by who reaches all)
DELETE FROM shop_order WHERE id = :order_id AND line_count = 0;
