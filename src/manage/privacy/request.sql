-- What people asked of us: export and deletion, with their receipts.

-- name: privacy_request_add :exec
INSERT INTO privacy_request (id, kind, customer_id, customer_number, reason, status, receipt,
                             staff_id, job_id, asked_ms)
VALUES (:id, :kind, :customer_id, :customer_number, :reason, 'running', :receipt, :me_staff_id,
        :job_id, :now_ms);

-- name: privacy_request_end :changed
UPDATE privacy_request SET status = 'done', receipt = :receipt, done_ms = :now_ms
 WHERE id = :request_id AND status = 'running';

-- name: privacy_request_get :one
SELECT r.id, r.kind, r.customer_id, r.customer_number, r.reason, r.status, r.receipt, r.asked_ms,
       r.done_ms, s.name AS staff_name
  FROM privacy_request r LEFT JOIN staff s ON s.id = r.staff_id WHERE r.id = :request_id;

-- name: privacy_request_list :many
SELECT r.id, r.kind, r.customer_id, r.customer_number, r.reason,
       CASE WHEN r.status = 'running' AND j.status IN ('failed', 'cancelled') THEN 'failed'
            ELSE r.status END AS status,
       r.receipt, r.asked_ms, r.done_ms, s.name AS staff_name, r.job_id,
       CASE WHEN j.file_name IS NOT NULL AND r.status = 'done' AND j.staff_id = :me_staff_id
            THEN 1 ELSE 0 END AS file_count
  FROM privacy_request r LEFT JOIN staff s ON s.id = r.staff_id LEFT JOIN job j ON j.id = r.job_id
 WHERE r.id < :before_id AND (:customer_id IS NULL OR r.customer_id = :customer_id)
 ORDER BY r.id DESC LIMIT :limit_count;

-- name: privacy_number :one
-- scope: none (of a customer that was reached)
SELECT customer_number FROM customer WHERE id = :customer_id;

-- name: privacy_request_replayed :exec     after a restore
INSERT INTO privacy_request (id, kind, customer_id, customer_number, reason, status, receipt,
                             asked_ms, done_ms)
VALUES (:id, 'delete', :customer_id, :customer_number, :reason, 'done', :receipt, :now_ms, :now_ms);

-- name: privacy_request_stuck :one     a deletion whose job did not come to its end
-- scan: a request a page, few there are
SELECT r.id, r.customer_id, r.customer_number FROM privacy_request r JOIN job j ON j.id = r.job_id
 WHERE r.kind = 'delete' AND r.status = 'running' AND j.status IN ('failed', 'cancelled')
 ORDER BY r.id LIMIT 1;

-- name: privacy_request_again :changed
UPDATE privacy_request SET job_id = :job_id WHERE id = :request_id AND status = 'running';
