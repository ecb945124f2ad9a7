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

-- name: check_behaviour_pages :each
SELECT id, event_count, messages_blob, events_blob FROM behaviour_page;

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

-- name: check_ledger_sums :each      nothing was made or lost: of each unit all accounts together have nothing
SELECT min(a.id) AS offender_id FROM account AS a
 GROUP BY a.unit HAVING CAST(sum(a.balance_count) AS BIGINT) <> 0
 ORDER BY offender_id;

-- name: check_ledger_balances :each      a balance is the sum of its postings, and they are counted
SELECT a.id AS offender_id
  FROM account AS a
  LEFT JOIN (SELECT s.account_id, CAST(sum(s.change_count) AS BIGINT) AS change_count, count(*) AS posting_count
               FROM (SELECT from_account_id AS account_id, -amount_count AS change_count FROM transfer
                     UNION ALL
                     SELECT to_account_id AS account_id, amount_count AS change_count FROM transfer) AS s
              GROUP BY s.account_id) AS p ON p.account_id = a.id
 WHERE coalesce(p.change_count, 0) <> a.balance_count
    OR coalesce(p.posting_count, 0) <> a.posting_count
 ORDER BY a.id;

-- name: check_ledger_chain :each      each posting stands on the one before, up to the account's newest
SELECT t.id AS offender_id
  FROM (SELECT id, from_account_id AS account_id, from_seq AS seq, from_previous_id AS previous_id,
               from_balance_count + amount_count AS before_count FROM transfer
        UNION ALL
        SELECT id, to_account_id AS account_id, to_seq AS seq, to_previous_id AS previous_id,
               to_balance_count - amount_count AS before_count FROM transfer) AS t
  LEFT JOIN transfer AS p ON p.id = t.previous_id
       AND (p.from_account_id = t.account_id OR p.to_account_id = t.account_id)
 WHERE CASE WHEN t.previous_id IS NULL THEN CASE WHEN t.seq = 1 AND t.before_count = 0 THEN 1 ELSE 0 END
            WHEN p.from_account_id = t.account_id
            THEN CASE WHEN p.from_seq = t.seq - 1 AND p.from_balance_count = t.before_count THEN 1 ELSE 0 END
            WHEN p.to_account_id = t.account_id
            THEN CASE WHEN p.to_seq = t.seq - 1 AND p.to_balance_count = t.before_count THEN 1 ELSE 0 END
            ELSE 0 END = 0
UNION ALL
SELECT a.id AS offender_id
  FROM account AS a LEFT JOIN transfer AS n ON n.id = a.last_transfer_id
 WHERE CASE WHEN a.last_transfer_id IS NULL THEN CASE WHEN a.posting_count = 0 THEN 1 ELSE 0 END
            WHEN n.from_account_id = a.id
            THEN CASE WHEN n.from_seq = a.posting_count AND n.from_balance_count = a.balance_count THEN 1 ELSE 0 END
            WHEN n.to_account_id = a.id
            THEN CASE WHEN n.to_seq = a.posting_count AND n.to_balance_count = a.balance_count THEN 1 ELSE 0 END
            ELSE 0 END = 0;

-- name: check_ledger_floors :each
SELECT a.id AS offender_id FROM account AS a
 WHERE a.balance_count < a.floor_count
    OR (a.floor_count IS NULL AND a.bucket NOT IN ('debt', 'external'));

-- name: check_ledger_debts :each      who owes has nothing available, and nobody is owed
SELECT d.id AS offender_id
  FROM account AS d
  LEFT JOIN account AS a ON a.owner_kind = d.owner_kind AND a.owner_id = d.owner_id AND a.unit = d.unit
       AND a.bucket = 'available' AND a.scope_id = d.scope_id
 WHERE d.bucket = 'debt' AND (d.balance_count > 0 OR (d.balance_count < 0 AND a.balance_count > 0));

-- name: check_ledger_holds :each      what is held lies frozen; what is out of time has a timer that ends it
SELECT h.id AS offender_id
  FROM hold AS h
 WHERE h.status = 'held' AND h.until_ms <= :now_ms - 60000
   AND NOT EXISTS (SELECT 1 FROM timer AS w
                    WHERE w.kind = 'ledger_hold_over' AND w.key_id = (h.until_ms + 999) / 1000
                      AND w.status = 'waiting')
UNION ALL
SELECT a.id AS offender_id
  FROM account AS a
  JOIN (SELECT frozen_account_id, CAST(sum(amount_count) AS BIGINT) AS amount_count FROM hold
         WHERE status = 'held' GROUP BY frozen_account_id) AS o ON o.frozen_account_id = a.id
 WHERE a.balance_count < o.amount_count;

-- name: check_ledger_lots :each      what is left in the lots of an account is its balance, if it has any
SELECT a.id AS offender_id
  FROM account AS a
  LEFT JOIN (SELECT account_id, CAST(sum(left_count) AS BIGINT) AS left_count FROM lot GROUP BY account_id) AS l
       ON l.account_id = a.id
 WHERE (a.has_lots = 1 AND coalesce(l.left_count, 0) <> a.balance_count)
    OR (a.has_lots = 0 AND l.account_id IS NOT NULL);

-- name: check_lot_uses :each      what is not left in a lot was taken; what came back once it had ended was not put back
SELECT l.account_id AS offender_id
  FROM lot AS l
  LEFT JOIN (SELECT account_id, expires_ms, lot_transfer_id, CAST(sum(amount_count - returned_count) AS BIGINT) AS used_count
               FROM lot_use GROUP BY account_id, expires_ms, lot_transfer_id) AS u
       ON u.account_id = l.account_id AND u.expires_ms = l.expires_ms AND u.lot_transfer_id = l.transfer_id
 WHERE l.left_count > l.amount_count - coalesce(u.used_count, 0)
    OR (l.expires_ms > :now_ms AND l.left_count < l.amount_count - coalesce(u.used_count, 0));

-- name: check_ledger_gathered :each      what one record of a person lends to another is spent at once, or is back home
SELECT l.account_id AS offender_id
  FROM transfer AS g JOIN lot AS l ON l.account_id = g.to_account_id AND l.transfer_id = g.id
 WHERE g.kind = 'gathered' AND l.left_count > 0;

-- name: check_ledger_reversed :each      of what was taken back there is a transfer
SELECT t.id AS offender_id
  FROM transfer AS t
  LEFT JOIN (SELECT reverses_id, CAST(sum(amount_count) AS BIGINT) AS amount_count FROM transfer
              WHERE reverses_id IS NOT NULL GROUP BY reverses_id) AS r ON r.reverses_id = t.id
 WHERE t.kind <> 'expired' AND coalesce(r.amount_count, 0) <> t.reversed_count;

-- name: check_counters :each      what is reserved are the open holds
SELECT c.subject_id AS offender_id
  FROM counter AS c
  LEFT JOIN (SELECT name, scope_id, subject_id, window_seq, CAST(sum(amount_count) AS BIGINT) AS amount_count
               FROM counter_hold WHERE status = 'held'
              GROUP BY name, scope_id, subject_id, window_seq) AS h
       ON h.name = c.name AND h.scope_id = c.scope_id AND h.subject_id = c.subject_id
          AND h.window_seq = c.window_seq
 WHERE coalesce(h.amount_count, 0) <> c.reserved_count OR c.used_count < 0
UNION ALL
SELECT h.subject_id AS offender_id
  FROM counter_hold AS h
 WHERE h.status = 'held'
   AND NOT EXISTS (SELECT 1 FROM counter AS c
                    WHERE c.name = h.name AND c.scope_id = h.scope_id AND c.subject_id = h.subject_id
                      AND c.window_seq = h.window_seq);

-- name: check_timer_kinds :each      what nobody here can run is tried until it is dead
SELECT kind, min(id) AS offender_id FROM timer GROUP BY kind;

-- name: check_timers_late :each      due for over ten minutes: is the server drained at all
SELECT id AS offender_id FROM timer WHERE status = 'waiting' AND due_ms < :now_ms - 600000;

-- name: check_timers_dead :each      that nobody has decided on
SELECT id AS offender_id FROM timer WHERE status = 'dead';

-- name: check_outbox_kinds :each      what nobody here can send waits for ever
SELECT kind, min(id) AS offender_id FROM outbox WHERE status IN ('waiting', 'dead') GROUP BY kind;

-- name: check_outbox_bodies :each      a text without its message would outlive a deletion
SELECT b.outbox_id AS offender_id FROM outbox_body b
 WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = b.outbox_id);

-- name: check_sagas :each      what is over is not looked at again, what is not over is
SELECT id AS offender_id FROM saga
 WHERE (status IN ('succeeded', 'failed') AND due_ms IS NOT NULL)
    OR (status NOT IN ('succeeded', 'failed') AND due_ms IS NULL);

-- name: check_differences :each      of bills, that nobody has closed
SELECT id AS offender_id FROM bill_difference WHERE closed_ms IS NULL;

-- name: check_campaigns :each      the version in force is there, who is counted is in, and what is to come has its clock
SELECT k.id AS offender_id
  FROM campaign AS k
  LEFT JOIN campaign_version AS v ON v.campaign_id = k.id AND v.version_number = k.version_number
  LEFT JOIN (SELECT campaign_id, count(*) AS participant_count FROM participant GROUP BY campaign_id) AS p
       ON p.campaign_id = k.id
 WHERE v.campaign_id IS NULL OR coalesce(p.participant_count, 0) <> k.participant_count
    OR ((k.status IN ('scheduled', 'ended', 'settling')
         OR (k.status IN ('running', 'paused') AND k.ends_ms IS NOT NULL))
        AND NOT EXISTS (SELECT 1 FROM timer AS w WHERE w.kind = 'campaign_clock' AND w.key_id = k.id));

-- name: check_rewards :each      what is given or waits was posted; of it no more is left than was not taken back
SELECT g.id AS offender_id
  FROM reward_grant AS g
  LEFT JOIN transfer AS t ON t.kind = CASE g.status WHEN 'held' THEN 'reward_held' ELSE 'reward' END
       AND t.key_id = g.id AND t.leg_number = 0
 WHERE g.kind IN ('points', 'growth', 'chances')
   AND (g.revoked_count < 0 OR g.revoked_count > g.amount_count
        OR (g.status IN ('held', 'granted') AND (t.id IS NULL OR g.revoked_count = g.amount_count))
        OR (g.status = 'revoked' AND g.revoked_count < g.amount_count)
        OR (g.status IN ('granted', 'revoked')
            AND t.amount_count - t.reversed_count > g.amount_count - g.revoked_count));
