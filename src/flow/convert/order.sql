-- Orders, their lines, refunds, and the order figures of customers.

-- name: order_find :lookup
-- scope: none
SELECT o.id, o.kind, o.status, o.customer_id, o.channel_id, o.placed_ms, o.paid_fen, o.net_fen,
       o.line_count, o.sale_line_count,
       (SELECT MAX(l.line_seq) FROM order_line AS l WHERE l.order_id = o.id) AS last_line_seq
  FROM shop_order AS o
 WHERE o.source = :source AND o.order_no = :order_no;

-- name: order_add :batch
-- scope: none
INSERT INTO shop_order (id, source, order_no, kind, status, customer_id, channel_id, placed_ms,
                        is_counted, paid_fen, net_fen, refunded_fen, line_count, sale_line_count,
                        created_ms, changed_ms)
VALUES (:order_id, :source, :order_no, :kind, 'paid', :customer_id, :channel_id, :placed_ms,
        :is_counted, :paid_fen, :net_fen, 0, :line_count, :sale_line_count, :now_ms, :now_ms);

-- name: order_grow :lookup     more lines, an earlier time, a customer for a guest's order
-- scope: none
UPDATE shop_order
   SET customer_id = COALESCE(customer_id, :customer_id),
       channel_id = COALESCE(channel_id, :channel_id),
       placed_ms = CASE WHEN placed_ms > :placed_ms THEN :placed_ms ELSE placed_ms END,
       is_counted = CASE WHEN kind = 'sale' AND status <> 'cancelled'
                          AND sale_line_count + :sale_line_count > 0 THEN 1 ELSE 0 END,
       status = CASE WHEN status = 'refunded' AND :paid_fen > 0 THEN 'paid' ELSE status END,
       paid_fen = paid_fen + :paid_fen,
       net_fen = net_fen + :net_fen,
       line_count = line_count + :line_count,
       sale_line_count = sale_line_count + :sale_line_count,
       changed_ms = :now_ms
 WHERE id = :order_id
RETURNING is_counted;

-- name: order_line_find :lookup
SELECT product_id, quantity_count, unit_price_micro FROM order_line
 WHERE order_id = :order_id AND line_seq = :line_seq;

-- name: order_line_add :batch
INSERT INTO order_line (order_id, line_seq, product_id, quantity_count, unit_price_micro, amount_fen,
                        placed_ms, product_name)
VALUES (:order_id, :line_seq, :product_id, :quantity_count, :unit_price_micro, :amount_fen,
        :placed_ms, :product_name);

-- name: order_customer_refresh :batch     a person's figures anew from the orders of all its records; a merged record's are nothing
-- scope: none
UPDATE customer
   SET order_count = f.order_count,
       paid_fen = f.paid_fen,
       refunded_fen = f.refunded_fen,
       first_order_ms = f.first_order_ms,
       second_order_ms = (SELECT s.placed_ms FROM shop_order AS s
                           WHERE s.customer_id IN (SELECT r.id FROM customer AS r
                                                    WHERE r.id = f.person_id
                                                       OR r.merged_into_id = f.person_id)
                             AND s.is_counted = 1
                           ORDER BY s.placed_ms LIMIT 1 OFFSET 1),
       last_order_ms = f.last_order_ms,
       touched_ms = CASE WHEN f.touched_ms < customer.touched_ms THEN f.touched_ms
                         ELSE customer.touched_ms END,
       action_day = CASE WHEN customer.action_day IS NULL OR customer.action_day < :action_day
                         THEN COALESCE(:action_day, customer.action_day)
                         ELSE customer.action_day END,
       region = COALESCE(customer.region, :region),
       changed_ms = :now_ms
  FROM (SELECT p.person_id,
               COUNT(CASE WHEN o.is_counted = 1 THEN 1 END) AS order_count,
               COALESCE(SUM(CASE WHEN o.is_counted = 1 THEN o.paid_fen END), 0) AS paid_fen,
               COALESCE(SUM(CASE WHEN o.is_counted = 1 THEN o.refunded_fen END), 0) AS refunded_fen,
               MIN(CASE WHEN o.is_counted = 1 THEN o.placed_ms END) AS first_order_ms,
               MAX(CASE WHEN o.is_counted = 1 THEN o.placed_ms END) AS last_order_ms,
               MIN(o.placed_ms) AS touched_ms
          FROM (SELECT COALESCE(m.merged_into_id, m.id) AS person_id FROM customer AS m
                 WHERE m.id = :customer_id) AS p
          JOIN customer AS r ON r.id = p.person_id OR r.merged_into_id = p.person_id
          LEFT JOIN shop_order AS o ON o.customer_id = r.id
         GROUP BY p.person_id) AS f
 WHERE customer.id = f.person_id;

-- name: order_customer_extend :batch     the same by what a page adds to it: earliest_ms, next_ms, latest_ms are of its counted orders
-- scope: none
UPDATE customer
   SET order_count = order_count + :order_count,
       paid_fen = paid_fen + :paid_fen,
       first_order_ms = CASE WHEN first_order_ms IS NULL OR :earliest_ms < first_order_ms
                             THEN COALESCE(:earliest_ms, first_order_ms) ELSE first_order_ms END,
       second_order_ms = CASE WHEN :earliest_ms IS NULL THEN second_order_ms
                              WHEN first_order_ms IS NULL THEN :next_ms
                              WHEN :earliest_ms < first_order_ms
                              THEN CASE WHEN :next_ms < first_order_ms THEN :next_ms
                                        ELSE first_order_ms END
                              WHEN second_order_ms IS NULL OR :earliest_ms < second_order_ms
                              THEN :earliest_ms ELSE second_order_ms END,
       last_order_ms = CASE WHEN last_order_ms IS NULL OR :latest_ms > last_order_ms
                            THEN COALESCE(:latest_ms, last_order_ms) ELSE last_order_ms END,
       touched_ms = CASE WHEN :touched_ms < touched_ms THEN :touched_ms ELSE touched_ms END,
       action_day = CASE WHEN action_day IS NULL OR action_day < :action_day
                         THEN COALESCE(:action_day, action_day) ELSE action_day END,
       region = COALESCE(region, :region),
       changed_ms = :now_ms
 WHERE id = (SELECT COALESCE(m.merged_into_id, m.id) FROM customer AS m WHERE m.id = :customer_id);

-- name: order_get :one
SELECT o.id, o.source, o.order_no, o.kind, o.status, o.customer_id, o.channel_id, o.placed_ms,
       o.is_counted, o.paid_fen, o.net_fen, o.refunded_fen, o.line_count, o.sale_line_count,
       o.cancel_reason
  FROM shop_order AS o
 WHERE o.id = :order_id AND customer_in_scope(o.customer_id);

-- name: order_lines :many
SELECT l.line_seq, p.code AS product_code, COALESCE(l.product_name, p.name) AS product_name, l.quantity_count,
       l.unit_price_micro, l.amount_fen
  FROM order_line AS l JOIN product AS p ON p.id = l.product_id
 WHERE l.order_id = :order_id
 ORDER BY l.line_seq
 LIMIT 10000;

-- name: order_refunds :many
-- scope: none
-- scan: the refunds of one order are few
SELECT id, refund_no, refunded_ms, amount_fen, reason FROM refund
 WHERE order_id = :order_id
 ORDER BY refunded_ms, id
 LIMIT 1000;

-- name: refund_find :one
-- scope: none
SELECT order_id, amount_fen FROM refund WHERE source = :source AND refund_no = :refund_no;

-- name: order_refund :changed     one guarded statement: two refunds cannot exceed what was paid
-- scope: none
UPDATE shop_order
   SET refunded_fen = refunded_fen + :amount_fen,
       status = CASE WHEN refunded_fen + :amount_fen = paid_fen THEN 'refunded' ELSE status END,
       changed_ms = :now_ms
 WHERE id = :order_id AND kind = 'sale' AND status <> 'cancelled'
   AND refunded_fen + :amount_fen <= paid_fen;

-- name: refund_add :exec
-- scope: none
INSERT INTO refund (id, order_id, source, refund_no, refunded_ms, amount_fen, reason, created_ms)
VALUES (:refund_id, :order_id, :source, :refund_no, :refunded_ms, :amount_fen, :reason, :now_ms);

-- name: order_cancel :changed
-- scope: none
UPDATE shop_order
   SET status = 'cancelled', is_counted = 0, cancel_reason = :cancel_reason, changed_ms = :now_ms
 WHERE id = :order_id AND kind = 'sale' AND status = 'paid' AND refunded_fen = 0;

-- name: order_list_customer :many     a person's orders, newest first: a page of each of its records, and of those the newest
-- scope: none (of a customer that was reached)
SELECT o.id, o.source, o.order_no, o.kind, o.status, o.placed_ms, o.is_counted, o.paid_fen, o.net_fen,
       o.refunded_fen, o.line_count
  FROM customer AS r
  JOIN shop_order AS o
    ON o.id IN (SELECT n.id FROM shop_order AS n
                 WHERE n.customer_id = r.id AND n.placed_ms <= :before_ms
                   AND (n.placed_ms < :before_ms OR (n.placed_ms = :before_ms AND n.id < :before_id))
                 ORDER BY n.placed_ms DESC, n.id DESC LIMIT :limit_count)
 WHERE r.id = :customer_id OR r.merged_into_id = :customer_id
 ORDER BY o.placed_ms DESC, o.id DESC
 LIMIT :limit_count;
