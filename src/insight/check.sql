-- What must hold of a base. Every query returns the ids of the rows that break it: none if sound.
-- scan: a check reads everything, on a read worker or with the server stopped

-- name: check_order_totals :each
-- scope: none
SELECT o.id AS offender_id
  FROM shop_order AS o
  LEFT JOIN order_line AS l ON l.order_id = o.id
 GROUP BY o.id, o.line_count, o.sale_line_count, o.paid_fen, o.net_fen
HAVING count(l.order_id) <> o.line_count
    OR count(CASE WHEN l.quantity_count > 0 AND l.unit_price_micro > 0 THEN 1 END)
       <> o.sale_line_count
    OR coalesce(sum(CASE WHEN l.quantity_count > 0 AND l.unit_price_micro > 0
                         THEN l.amount_fen END), 0) <> o.paid_fen
    OR coalesce(sum(l.amount_fen), 0) <> o.net_fen;

-- name: check_line_amounts :each      quantity x price, half away from zero to the minor unit
-- scope: none
SELECT l.order_id AS offender_id
  FROM order_line AS l
 WHERE l.amount_fen
       <> CASE WHEN l.quantity_count * l.unit_price_micro >= 0
               THEN (l.quantity_count * l.unit_price_micro + :fen_micro / 2) / :fen_micro
               ELSE -((:fen_micro / 2 - l.quantity_count * l.unit_price_micro) / :fen_micro) END;

-- name: check_order_counted :each
-- scope: none
SELECT o.id AS offender_id
  FROM shop_order AS o
 WHERE o.is_counted
       <> CASE WHEN o.kind = 'sale' AND o.status <> 'cancelled' AND o.sale_line_count > 0
               THEN 1 ELSE 0 END;

-- name: check_order_words :each
-- scope: none
SELECT o.id AS offender_id
  FROM shop_order AS o
 WHERE o.kind NOT IN ('sale', 'cancellation') OR o.status NOT IN ('paid', 'cancelled', 'refunded');

-- name: check_order_refunds :each
-- scope: none
SELECT o.id AS offender_id
  FROM shop_order AS o
 WHERE o.refunded_fen <> (SELECT coalesce(sum(r.amount_fen), 0) FROM refund AS r
                           WHERE r.order_id = o.id)
    OR o.refunded_fen > o.paid_fen
    OR (o.status = 'refunded' AND o.refunded_fen <> o.paid_fen);

-- name: check_customer_figures :each
-- scope: none
-- a person's, from the orders of all its records; a merged record's are nothing. Without the CAST the column has
-- no affinity, SQLite makes no index for the join, and time grows by the square
SELECT c.id AS offender_id
  FROM customer AS c
  LEFT JOIN (SELECT CAST(coalesce(r.merged_into_id, r.id) AS INTEGER) AS person_id, o.placed_ms, o.paid_fen
               FROM customer AS r JOIN shop_order AS o ON o.customer_id = r.id AND o.is_counted = 1)
         AS o ON o.person_id = c.id
 GROUP BY c.id, c.order_count, c.paid_fen, c.first_order_ms, c.last_order_ms
HAVING count(o.placed_ms) <> c.order_count
    OR coalesce(sum(o.paid_fen), 0) <> c.paid_fen
    OR min(o.placed_ms) IS DISTINCT FROM c.first_order_ms
    OR max(o.placed_ms) IS DISTINCT FROM c.last_order_ms;

-- name: check_customer_second :each
-- scope: none
SELECT c.id AS offender_id
  FROM customer AS c
 WHERE c.second_order_ms
       IS DISTINCT FROM (SELECT o.placed_ms FROM shop_order AS o
                          WHERE c.merged_into_id IS NULL
                            AND o.customer_id IN (SELECT r.id FROM customer AS r
                                                   WHERE r.id = c.id OR r.merged_into_id = c.id)
                            AND o.is_counted = 1
                          ORDER BY o.placed_ms LIMIT 1 OFFSET 1);

-- name: check_customer_refunded :each
-- scope: none
SELECT c.id AS offender_id
  FROM customer AS c
 WHERE c.refunded_fen <> (SELECT coalesce(sum(o.refunded_fen), 0) FROM shop_order AS o
                           WHERE c.merged_into_id IS NULL
                             AND o.customer_id IN (SELECT r.id FROM customer AS r
                                                    WHERE r.id = c.id OR r.merged_into_id = c.id)
                             AND o.is_counted = 1);

-- name: check_customer_invited :each
-- scope: none
-- persons who came through any of a person's records
SELECT c.id AS offender_id
  FROM customer AS c
 WHERE c.invited_count <> (SELECT count(*) FROM customer AS r
                             JOIN customer AS i ON i.invited_by_customer_id = r.id
                            WHERE c.merged_into_id IS NULL AND i.merged_into_id IS NULL
                              AND (r.id = c.id OR r.merged_into_id = c.id))
    OR (c.merged_into_id IS NULL
        AND EXISTS (SELECT 1 FROM customer AS r
                     WHERE r.id = c.invited_by_customer_id
                       AND (r.id = c.id OR r.merged_into_id = c.id)));

-- name: check_merge_links :each      never a chain, and each link has one merge that stands
-- scope: none
SELECT c.id AS offender_id
  FROM customer AS c
 WHERE c.merged_into_id IS NOT NULL
   AND (EXISTS (SELECT 1 FROM customer AS p
                 WHERE p.id = c.merged_into_id AND p.merged_into_id IS NOT NULL)
        OR (c.deleted_ms IS NULL
            AND (SELECT count(*) FROM customer_merge AS m
                  WHERE m.merged_customer_id = c.id AND m.undone_ms IS NULL) <> 1));

-- name: check_merge_rows :each      a merge that stands has its link, straight or through later ones
-- scope: none
SELECT m.id AS offender_id
  FROM customer_merge AS m
  JOIN customer AS c ON c.id = m.merged_customer_id
  JOIN customer AS k ON k.id = m.kept_customer_id
 WHERE m.undone_ms IS NULL
   AND c.merged_into_id IS DISTINCT FROM coalesce(k.merged_into_id, k.id);

-- name: check_customer_journal :each      each customer came in by exactly one fact
-- scope: none
SELECT c.id AS offender_id
  FROM customer AS c
 WHERE (SELECT count(*) FROM journal AS j
         WHERE j.customer_id = c.id AND j.kind = 'customer_added') <> 1;

-- name: check_order_journal :each      what the facts say was paid is what the order says
-- scope: none
SELECT o.id AS offender_id
  FROM shop_order AS o
  LEFT JOIN (SELECT j.subject_id AS order_id, coalesce(sum(j.amount_fen), 0) AS told_fen
               FROM journal AS j
              WHERE j.kind IN ('order_paid', 'order_changed')
              GROUP BY j.subject_id) AS t ON t.order_id = o.id
 WHERE coalesce(t.told_fen, 0) <> o.paid_fen;

-- name: check_journal_links :each      every fact's customer, channel and order are there
-- scope: none
SELECT j.id AS offender_id
  FROM journal AS j
 WHERE (j.customer_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM customer AS c WHERE c.id = j.customer_id))
    OR (j.channel_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM channel AS n WHERE n.id = j.channel_id))
    OR (j.kind IN ('order_paid', 'order_changed', 'order_cancelled', 'order_refunded')
        AND NOT EXISTS (SELECT 1 FROM shop_order AS o WHERE o.id = j.subject_id)
        AND j.subject_id NOT IN (SELECT g.subject_id FROM journal AS g
                                  WHERE g.kind = 'order_removed' AND g.subject_id IS NOT NULL));

-- name: check_orders_removed :each      of an order that an undone import took out nothing is left to count
-- scope: none
SELECT t.order_id AS offender_id
  FROM (SELECT j.subject_id AS order_id, coalesce(sum(j.amount_fen), 0) AS told_fen
          FROM journal AS j
         WHERE j.kind IN ('order_paid', 'order_changed')
         GROUP BY j.subject_id) AS t
  LEFT JOIN shop_order AS o ON o.id = t.order_id
 WHERE o.id IS NULL AND t.told_fen <> 0;

-- name: check_channel_paths :each
-- scope: none
SELECT n.id AS offender_id
  FROM channel AS n
  LEFT JOIN channel AS p ON p.id = n.parent_id
 WHERE n.path <> coalesce(p.path, '/') || CAST(n.id AS TEXT) || '/';

-- name: check_tag_families :each
-- scope: none
SELECT t.id AS offender_id
  FROM tag AS t
 WHERE t.family NOT IN ('channel', 'identity', 'intent', 'activity', 'spending');

-- name: check_import_runs :each
-- scope: none
SELECT r.id AS offender_id
  FROM import_run AS r
 WHERE r.accepted_count + r.rejected_count <> r.line_count
    OR r.changed_count > r.accepted_count
    OR (SELECT count(*) FROM import_reject AS x WHERE x.import_id = r.id) > r.rejected_count
    OR r.status NOT IN ('ready', 'waiting', 'running', 'done', 'failed', 'cancelled', 'undoing',
                        'undone');

-- name: check_journal_rows :each
-- scope: none
SELECT id, kind, properties FROM journal;

-- name: check_identities :each
-- scope: none
SELECT customer_id, kind, value_hash, value_enc FROM identity;

-- name: check_personal :each
-- scope: none
SELECT id, name_enc, phone_enc, email_enc FROM customer;


-- name: check_audit :each      along the chain, each with its detail where there is one
SELECT a.id, a.at_ms, a.staff_id, a.api_key_id, a.action, a.noun, a.subject_id, a.peer, a.detail_hash,
       a.previous_hash, a.row_hash, d.salt_blob, d.detail
  FROM audit AS a LEFT JOIN audit_detail AS d ON d.audit_id = a.id ORDER BY a.id;
