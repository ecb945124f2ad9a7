-- Customers that are likely one person: found by a job, decided by people.

-- name: duplicate_page :many     for the digests in memory: persons with a name, in order of id
-- scope: none (only those who see all begin the job)
SELECT id, name_enc, phone_enc, email_enc, address_enc, birth_day FROM customer
 WHERE id > :from_id AND deleted_ms IS NULL AND merged_into_id IS NULL
 ORDER BY id LIMIT :limit_count;

-- name: duplicate_put :batch     the best reason stays; what was decided stays too
-- scope: none (only those who see all begin the job)
INSERT INTO duplicate (low_customer_id, high_customer_id, reason, score_ppm, status, found_ms)
SELECT :low_id, :high_id, :reason, :score_ppm, 'open', :now_ms
 WHERE EXISTS (SELECT 1 FROM customer a WHERE a.id = :low_id AND a.deleted_ms IS NULL
                                          AND a.merged_into_id IS NULL)
   AND EXISTS (SELECT 1 FROM customer b WHERE b.id = :high_id AND b.deleted_ms IS NULL
                                          AND b.merged_into_id IS NULL)
ON CONFLICT (low_customer_id, high_customer_id) DO UPDATE
   SET reason = excluded.reason, score_ppm = excluded.score_ppm
 WHERE duplicate.status = 'open' AND duplicate.score_ppm < excluded.score_ppm;

-- name: duplicate_list :many     along the index, the likeliest first
SELECT d.reason, d.score_ppm, d.found_ms, a.id AS low_id, a.name_enc AS low_name_enc,
       a.phone_enc AS low_phone_enc, a.email_enc AS low_email_enc, a.order_count AS low_order_count,
       a.touched_ms AS low_touched_ms, b.id AS high_id, b.name_enc AS high_name_enc,
       b.phone_enc AS high_phone_enc, b.email_enc AS high_email_enc,
       b.order_count AS high_order_count, b.touched_ms AS high_touched_ms
  FROM duplicate d
  JOIN customer a ON a.id = d.low_customer_id
  JOIN customer b ON b.id = d.high_customer_id
 WHERE d.status = 'open' AND a.deleted_ms IS NULL AND a.merged_into_id IS NULL AND in_scope(a)
   AND b.deleted_ms IS NULL AND b.merged_into_id IS NULL AND in_scope(b)
 ORDER BY d.score_ppm DESC, d.low_customer_id DESC, d.high_customer_id DESC LIMIT :limit_count;

-- name: duplicate_dismiss :changed
-- scope: none (of customers that were reached)
UPDATE duplicate SET status = 'dismissed'
 WHERE low_customer_id = :low_id AND high_customer_id = :high_id AND status = 'open';
