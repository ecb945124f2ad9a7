-- The ledger: accounts, transfers and their chains. Lots and holds stand in their own files.

-- name: ledger_find :lookup
SELECT id FROM account
 WHERE owner_kind = :owner_kind AND owner_id = :owner_id AND unit = :unit AND bucket = :bucket
   AND scope_id = :scope_id;

-- name: ledger_begin :batch
INSERT INTO account (id, owner_kind, owner_id, unit, bucket, scope_id, balance_count, floor_count,
                     posting_count, has_lots, created_ms)
VALUES (:id, :owner_kind, :owner_id, :unit, :bucket, :scope_id, 0, :floor_count, 0, 0, :now_ms);

-- name: ledger_balance :one     of a customer: of all records of that person together
-- scope: none (of one person: whoever asks has reached it)
SELECT CAST(coalesce(sum(a.balance_count), 0) AS BIGINT) AS balance_count FROM account AS a
 WHERE a.owner_kind = :owner_kind AND a.unit = :unit AND a.bucket = :bucket AND a.scope_id = :scope_id
   AND a.owner_id IN (SELECT :owner_id
                      UNION
                      SELECT r.merged_into_id FROM customer AS r
                       WHERE :owner_kind = 'customer' AND r.id = :owner_id
                      UNION
                      SELECT m.id FROM customer AS m
                       WHERE :owner_kind = 'customer'
                         AND m.merged_into_id = coalesce((SELECT r.merged_into_id FROM customer AS r WHERE r.id = :owner_id),
                                                         :owner_id));

-- name: ledger_look :lookup     all that a transfer needs to know: both accounts, the receiver's debt, was it posted before
-- scope: none (only whether the spender has other records)
SELECT f.balance_count AS from_balance_count, f.floor_count AS from_floor_count,
       f.posting_count AS from_posting_count, f.last_transfer_id AS from_last_id,
       f.has_lots AS has_from_lots,
       t.balance_count AS to_balance_count, t.floor_count AS to_floor_count,
       t.posting_count AS to_posting_count, t.last_transfer_id AS to_last_id,
       t.has_lots AS has_to_lots,
       CASE WHEN f.unit = t.unit AND f.id <> t.id THEN 1 ELSE 0 END AS is_sound,
       CASE WHEN f.bucket = 'available' AND f.owner_kind = 'customer' THEN 1 ELSE 0 END AS is_person,
       CASE WHEN f.bucket = 'available' AND f.owner_kind = 'customer'
                 AND EXISTS (SELECT 1 FROM customer AS m WHERE m.merged_into_id = f.owner_id)
            THEN 1 ELSE 0 END AS is_joined,
       d.id AS debt_id, d.balance_count AS debt_balance_count, d.posting_count AS debt_posting_count,
       d.last_transfer_id AS debt_last_id,
       x.id AS posted_id, x.from_account_id AS posted_from_id, x.to_account_id AS posted_to_id,
       x.amount_count AS posted_count
  FROM account AS f
  JOIN account AS t ON t.id = :to_id
  LEFT JOIN account AS d ON t.bucket = 'available' AND d.owner_kind = t.owner_kind
        AND d.owner_id = t.owner_id AND d.unit = t.unit AND d.bucket = 'debt' AND d.scope_id = t.scope_id
  LEFT JOIN transfer AS x ON x.kind = :kind AND x.key_id = :key_id AND x.leg_number = :leg_number
 WHERE f.id = :from_id;

-- name: ledger_move :batch     nobody falls below his floor, nobody was moved by another meanwhile
UPDATE account
   SET balance_count = balance_count + :change_count, posting_count = :posting_count,
       last_transfer_id = :last_transfer_id, has_lots = :has_lots
 WHERE id = :account_id AND posting_count = :was_posting_count
   AND (floor_count IS NULL OR balance_count + :change_count >= floor_count);

-- name: ledger_add :batch
INSERT INTO transfer (id, kind, key_id, leg_number, from_account_id, to_account_id, amount_count,
                      from_balance_count, to_balance_count, from_seq, to_seq, from_previous_id,
                      to_previous_id, reverses_id, reversed_count, staff_id, reason, at_ms)
VALUES (:id, :kind, :key_id, :leg_number, :from_id, :to_id, :amount_count, :from_balance_count,
        :to_balance_count, :from_seq, :to_seq, :from_previous_id, :to_previous_id, :reverses_id, 0,
        :staff_id, :reason, :now_ms);

-- name: ledger_get :one     a transfer to take back: whose it is now, where it goes, what of it has ended
-- scope: none (person_count: what all records of the person have, less what they owe)
-- what was posted of a hold goes back where the hold came from
SELECT t.kind, t.amount_count, t.reversed_count, t.to_account_id,
       coalesce(h.from_account_id, t.from_account_id) AS home_account_id,
       coalesce(x.id, t.id) AS uses_id,
       a.owner_kind, a.owner_id, a.unit, a.bucket, a.scope_id, a.balance_count, a.floor_count,
       m.scope_id AS home_scope_id, v.balance_count AS available_count,
       (SELECT CAST(sum(o.balance_count) AS BIGINT)
          FROM customer AS p
          JOIN customer AS r ON (r.id = coalesce(p.merged_into_id, p.id) OR r.merged_into_id = coalesce(p.merged_into_id, p.id))
          JOIN account AS o ON o.owner_kind = 'customer' AND o.owner_id = r.id AND o.unit = a.unit
               AND o.bucket IN ('available', 'debt') AND o.scope_id = a.scope_id
         WHERE a.owner_kind = 'customer' AND a.bucket = 'available' AND p.id = a.owner_id) AS person_count,
       e.id AS expired_transfer_id, e.to_account_id AS expired_account_id,
       e.amount_count - e.reversed_count AS expired_count
  FROM transfer AS t
  JOIN account AS a ON a.id = t.to_account_id
  LEFT JOIN hold AS h ON t.kind = 'hold_post' AND h.id = t.key_id
  LEFT JOIN transfer AS x ON x.kind = 'hold' AND x.key_id = h.id AND x.leg_number = 0
  JOIN account AS m ON m.id = coalesce(h.from_account_id, t.from_account_id)
  LEFT JOIN account AS v ON v.owner_kind = a.owner_kind AND v.owner_id = a.owner_id AND v.unit = a.unit
        AND v.bucket = 'available' AND v.scope_id = a.scope_id
  LEFT JOIN transfer AS e ON e.kind = 'expired' AND e.key_id = t.id AND e.leg_number = 0
 WHERE t.id = :transfer_id;

-- name: ledger_legs :many     what was posted under this key
SELECT id, leg_number, amount_count, reverses_id FROM transfer
 WHERE kind = :kind AND key_id = :key_id
 ORDER BY leg_number
 LIMIT 16;

-- name: ledger_reversed :batch
UPDATE transfer SET reversed_count = reversed_count + :amount_count
 WHERE id = :transfer_id AND reversed_count + :amount_count <= amount_count;
