-- The ledger as people read it: accounts, their statements, single transfers. Read only.

-- part: told
a.id, a.owner_kind, a.owner_id, a.unit, a.bucket, a.scope_id, a.balance_count, a.floor_count,
       a.posting_count, p.name_enc, k.title AS owner_title, g.title AS scope_title
  FROM account a
  LEFT JOIN customer p ON a.owner_kind = 'customer' AND p.id = a.owner_id
  LEFT JOIN campaign k ON a.owner_kind = 'campaign' AND k.id = a.owner_id
  LEFT JOIN campaign g ON g.id = a.scope_id

-- name: account_list :many     of one kind of owner, or of one owner (low = high); the key is in the order's index
-- scope: none (whoever lists accounts reaches all)
SELECT part(told)
 WHERE a.owner_kind = :owner_kind AND a.owner_id >= :low_id AND a.owner_id <= :high_id
   AND (a.owner_id < :high_id OR a.id < :before_id)
   AND (:unit IS NULL OR a.unit = :unit)
 ORDER BY a.owner_id DESC, a.id DESC
 LIMIT :limit_count;

-- name: account_bucket_list :many     the same of one bucket, which few may have
-- scope: none (whoever lists accounts reaches all)
SELECT part(told)
 WHERE a.owner_kind = :owner_kind AND a.bucket = :bucket AND a.owner_id >= :low_id AND a.owner_id <= :high_id
   AND (a.owner_id < :high_id OR a.id < :before_id)
   AND (:unit IS NULL OR a.unit = :unit)
 ORDER BY a.owner_id DESC, a.id DESC
 LIMIT :limit_count;

-- name: account_records :many     the same of a customer: of all records of that person
-- scope: none (whoever lists accounts reaches all)
SELECT part(told)
 WHERE a.owner_kind = 'customer'
   AND a.owner_id IN (SELECT r.id FROM customer o
                        JOIN customer r ON (r.id = coalesce(o.merged_into_id, o.id)
                                            OR r.merged_into_id = coalesce(o.merged_into_id, o.id))
                       WHERE o.id = :customer_id)
   AND (:unit IS NULL OR a.unit = :unit) AND (:bucket IS NULL OR a.bucket = :bucket)
 ORDER BY a.owner_id DESC, a.id DESC
 LIMIT :limit_count;

-- name: account_person :many     what the records of a person have together
-- scope: none (of a person that was reached)
SELECT max(a.id) AS id, a.unit, a.bucket, a.scope_id, g.title AS scope_title,
       CAST(sum(a.balance_count) AS BIGINT) AS balance_count, count(*) AS record_count
  FROM customer r
  JOIN account a ON a.owner_kind = 'customer' AND a.owner_id = r.id
  LEFT JOIN campaign g ON g.id = a.scope_id
 WHERE (r.id = :person_id OR r.merged_into_id = :person_id)
 GROUP BY a.unit, a.bucket, a.scope_id, g.title
 ORDER BY 1 DESC
 LIMIT :limit_count;

-- name: account_get :one
-- scope: none (whoever opens accounts reaches all)
SELECT a.owner_kind, a.owner_id, a.unit, a.bucket, a.scope_id, a.balance_count, a.floor_count,
       a.posting_count, a.last_transfer_id, p.name_enc, k.title AS owner_title,
       g.title AS scope_title
  FROM account a
  LEFT JOIN customer p ON a.owner_kind = 'customer' AND p.id = a.owner_id
  LEFT JOIN campaign k ON a.owner_kind = 'campaign' AND k.id = a.owner_id
  LEFT JOIN campaign g ON g.id = a.scope_id
 WHERE a.id = :account_id;

-- name: account_statement :many     along the account's own chain, newest first, from :from_id on
-- scope: none (whoever reads statements reaches all)
WITH RECURSIVE chain (transfer_id, step_number) AS (
    SELECT :from_id, 1
     UNION ALL
    SELECT CASE WHEN t.from_account_id = :account_id THEN t.from_previous_id
                ELSE t.to_previous_id END, w.step_number + 1
      FROM chain w JOIN transfer t ON t.id = w.transfer_id
     WHERE w.step_number < :limit_count
)
SELECT t.id, t.kind, t.key_id, t.leg_number, t.amount_count, t.reverses_id, t.reversed_count,
       t.staff_id, s.name AS staff_name, t.reason, t.at_ms,
       CASE WHEN t.to_account_id = :account_id THEN 1 ELSE 0 END AS is_in,
       CASE WHEN t.to_account_id = :account_id THEN t.to_balance_count
            ELSE t.from_balance_count END AS balance_count,
       CASE WHEN t.to_account_id = :account_id THEN t.to_previous_id
            ELSE t.from_previous_id END AS previous_id,
       o.id AS other_account_id, o.owner_kind, o.owner_id, o.bucket, p.name_enc,
       k.title AS owner_title
  FROM chain w
  JOIN transfer t ON t.id = w.transfer_id
  JOIN account o ON o.id = CASE WHEN t.to_account_id = :account_id THEN t.from_account_id
                                ELSE t.to_account_id END
  LEFT JOIN staff s ON s.id = t.staff_id
  LEFT JOIN customer p ON o.owner_kind = 'customer' AND p.id = o.owner_id
  LEFT JOIN campaign k ON o.owner_kind = 'campaign' AND k.id = o.owner_id
 WHERE t.from_account_id = :account_id OR t.to_account_id = :account_id
 ORDER BY w.step_number
 LIMIT :limit_count;

-- name: transfer_reversals :many     what took it back, by hand or by itself, newest first
SELECT t.id, t.kind, t.amount_count, s.name AS staff_name, t.reason, t.at_ms
  FROM transfer t LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.reverses_id = :transfer_id ORDER BY t.id DESC LIMIT 100;

-- name: transfer_get :one
SELECT t.kind, t.key_id, t.leg_number, t.amount_count, t.from_account_id, t.to_account_id,
       t.from_balance_count, t.to_balance_count, t.reverses_id, t.reversed_count, t.staff_id,
       s.name AS staff_name, t.reason, t.at_ms, a.unit
  FROM transfer t JOIN account a ON a.id = t.to_account_id LEFT JOIN staff s ON s.id = t.staff_id
 WHERE t.id = :transfer_id;
