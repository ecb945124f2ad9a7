-- Everything about one person, for the export the person may ask for.

-- name: person_records :many
-- scope: none (of a customer that was reached)
SELECT c.id, c.customer_number, c.name_enc, c.phone_enc, c.email_enc, c.address_enc, c.region,
       c.attributes, c.birth_day, h.name AS channel_name, s.name AS owner_name, g.name AS store_name,
       i.customer_number AS inviter_number, c.is_family, c.touched_ms, c.added_ms, c.blocked_ms,
       c.order_count, c.paid_fen, c.refunded_fen, c.first_order_ms, c.last_order_ms,
       c.invited_count, c.created_ms, c.changed_ms
  FROM customer c
  LEFT JOIN channel h ON h.id = c.channel_id
  LEFT JOIN staff s ON s.id = c.owner_staff_id
  LEFT JOIN org g ON g.id = c.org_id
  LEFT JOIN customer i ON i.id = c.invited_by_customer_id
 WHERE c.id = :person_id OR c.merged_into_id = :person_id ORDER BY c.id LIMIT 1000;

-- name: person_identities :many
-- scope: none (of a customer that was reached)
SELECT customer_id, kind, value_enc, created_ms FROM identity
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY kind, value_hash LIMIT 1000;

-- name: person_children :many
-- scope: none (of a customer that was reached)
SELECT id, birth_day, name_enc, created_ms FROM child
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY id LIMIT 1000;

-- name: person_notes :many
-- scope: none (of a customer that was reached)
SELECT n.id, n.text_enc, s.name AS staff_name, n.created_ms, n.changed_ms
  FROM customer_note n LEFT JOIN staff s ON s.id = n.staff_id
 WHERE n.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY n.id LIMIT 5000;

-- name: person_tags :many
-- scope: none (of a customer that was reached)
SELECT g.family, g.name, t.created_ms FROM customer_tag t JOIN tag g ON g.id = t.tag_id
 WHERE t.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY t.created_ms, t.tag_id LIMIT 5000;

-- name: person_owners :many
-- scope: none (of a customer that was reached)
SELECT s.name AS staff_name, g.name AS store_name, w.from_ms, w.to_ms, w.reason
  FROM customer_owner w LEFT JOIN staff s ON s.id = w.staff_id LEFT JOIN org g ON g.id = w.org_id
 WHERE w.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY w.id LIMIT 5000;

-- name: person_relations :many
-- scope: none (of a customer that was reached)
SELECT w.customer_id, s.name AS staff_name, w.source, w.remark_enc, w.added_ms, w.lost_ms
  FROM relation w JOIN staff s ON s.id = w.staff_id
 WHERE w.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY w.customer_id, w.staff_id LIMIT 5000;

-- name: person_blocks :many
-- scope: none (of a customer that was reached)
SELECT reason, blocked_ms FROM customer_block
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY blocked_ms LIMIT 1000;

-- name: person_consents :many
-- scope: none (of a customer that was reached)
SELECT t.purpose, t.version_number, t.title, n.source, n.given_ms, n.withdrawn_ms,
       n.withdrawn_source
  FROM consent n JOIN consent_text t ON t.id = n.consent_text_id
 WHERE n.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY n.id LIMIT 5000;

-- name: person_merges :many
-- scope: none (of a customer that was reached)
SELECT k.customer_number AS kept_number, g.customer_number AS merged_number, m.rule, m.merged_ms,
       m.undone_ms
  FROM customer_merge m JOIN customer k ON k.id = m.kept_customer_id
  JOIN customer g ON g.id = m.merged_customer_id
 WHERE m.kept_customer_id IN (SELECT r.id FROM customer r
                               WHERE r.id = :person_id OR r.merged_into_id = :person_id)
    OR m.merged_customer_id IN (SELECT r.id FROM customer r
                                 WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY m.id LIMIT 5000;

-- name: person_orders :many
-- scope: none (of a customer that was reached)
SELECT o.id, o.source, o.order_no, o.kind, o.status, h.name AS channel_name, o.placed_ms, o.paid_fen,
       o.net_fen, o.refunded_fen, o.cancel_reason
  FROM shop_order o LEFT JOIN channel h ON h.id = o.channel_id
 WHERE o.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
   AND o.id > :last_id
 ORDER BY o.id LIMIT :limit_count;

-- name: person_lines :many
-- scope: none (of a customer that was reached)
SELECT l.order_id, l.line_seq, p.code AS product_code, coalesce(l.product_name, p.name) AS product_name,
       l.quantity_count, l.unit_price_micro, l.amount_fen
  FROM order_line l JOIN shop_order o ON o.id = l.order_id JOIN product p ON p.id = l.product_id
 WHERE o.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
   AND o.id >= :from_id AND o.id <= :to_id
 ORDER BY l.order_id, l.line_seq LIMIT 100000;

-- name: person_refunds :many
-- scope: none (of a customer that was reached)
SELECT f.order_id, f.refund_no, f.refunded_ms, f.amount_fen, f.reason
  FROM refund f JOIN shop_order o ON o.id = f.order_id
 WHERE o.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
   AND o.id >= :from_id AND o.id <= :to_id
 ORDER BY f.order_id, f.id LIMIT 100000;

-- name: person_events :many
-- scope: none (of a customer that was reached)
SELECT j.id, j.kind, j.occurred_ms, h.name AS channel_name, j.amount_fen, j.properties
  FROM journal j LEFT JOIN channel h ON h.id = j.channel_id
 WHERE j.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
   AND j.id > :last_id
 ORDER BY j.id LIMIT :limit_count;

-- name: person_channel :lookup
SELECT name AS channel_name FROM channel WHERE id = :channel_id;
