-- Transfers taken back by hand, asked for and decided about.

-- name: reversal_add :exec
INSERT INTO reversal (id, transfer_id, amount_count, policy, reason, status, asked_staff_id, asked_ms)
VALUES (:id, :transfer_id, :amount_count, :policy, :reason, :status, :me_staff_id, :now_ms);

-- name: reversal_get :one
SELECT transfer_id, amount_count, policy, reason, status, asked_staff_id
  FROM reversal WHERE id = :reversal_id;

-- name: reversal_decide :changed     one that is still asked for, and by somebody else
UPDATE reversal
   SET status = :status, decided_staff_id = :me_staff_id, decided_ms = :now_ms,
       decided_words = :decided_words
 WHERE id = :reversal_id AND status = 'asked' AND asked_staff_id <> :me_staff_id;

-- name: reversal_end :exec     what came of it
UPDATE reversal SET taken_count = :taken_count, debt_count = :debt_count WHERE id = :reversal_id;

-- part: told
r.id, r.transfer_id, r.amount_count, r.policy, r.reason, r.status, r.asked_staff_id,
       r.asked_ms, r.decided_ms, r.decided_words, r.taken_count, r.debt_count,
       s.name AS asked_staff_name, d.name AS decided_staff_name, a.id AS account_id, a.unit, a.bucket,
       a.owner_kind, a.owner_id, p.name_enc, k.title AS owner_title

-- name: reversal_list :many     newest first; they are made by hand, so there are few
-- scope: none (whoever lists reversals reaches all)
SELECT part(told)
  FROM reversal r
  JOIN transfer t ON t.id = r.transfer_id
  JOIN account a ON a.id = t.to_account_id
  LEFT JOIN staff s ON s.id = r.asked_staff_id
  LEFT JOIN staff d ON d.id = r.decided_staff_id
  LEFT JOIN customer p ON a.owner_kind = 'customer' AND p.id = a.owner_id
  LEFT JOIN campaign k ON a.owner_kind = 'campaign' AND k.id = a.owner_id
 WHERE r.id < :before_id AND (:status IS NULL OR r.status = :status)
 ORDER BY r.id DESC
 LIMIT :limit_count;

-- name: reversal_of :many     one transfer's
-- scope: none (whoever lists reversals reaches all)
SELECT part(told)
  FROM reversal r
  JOIN transfer t ON t.id = r.transfer_id
  JOIN account a ON a.id = t.to_account_id
  LEFT JOIN staff s ON s.id = r.asked_staff_id
  LEFT JOIN staff d ON d.id = r.decided_staff_id
  LEFT JOIN customer p ON a.owner_kind = 'customer' AND p.id = a.owner_id
  LEFT JOIN campaign k ON a.owner_kind = 'campaign' AND k.id = a.owner_id
 WHERE r.transfer_id = :transfer_id AND r.id < :before_id AND (:status IS NULL OR r.status = :status)
 ORDER BY r.id DESC
 LIMIT :limit_count;
