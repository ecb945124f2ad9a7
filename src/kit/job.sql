-- Durable jobs: their rows, and what each is about.

-- name: job_add :exec
INSERT INTO job (id, kind, title, status, input, result, done_count, changed_count, failed_count,
                 last_id, staff_id, is_cancelled, created_ms, changed_ms)
VALUES (:job_id, :kind, :title, 'waiting', :input, '{}', 0, 0, 0, 0, :staff_id, 0, :now_ms, :now_ms);

-- name: job_next :one
-- The oldest that is not over and was begun here (its id says so). Those of a node that is gone go to the one
-- with the least number.
SELECT id, kind, status, input, result, file_name, total_count, done_count, changed_count,
       failed_count, last_id, staff_id
  FROM job
 WHERE status IN ('waiting', 'running', 'undoing')
   AND (id / 16384 % 256 = :node_number
        OR NOT EXISTS (SELECT 1 FROM node n WHERE n.until_ms > :now_ms
                          AND (n.id = job.id / 16384 % 256 OR n.id < :node_number)))
 ORDER BY id
 LIMIT 1;

-- name: job_watch :one
SELECT status, is_cancelled, done_count, last_id FROM job WHERE id = :job_id;

-- name: job_keep :changed     where a page ended; the status alone says whether it was the last
UPDATE job
   SET status = :status, result = :result, file_name = :file_name, total_count = :total_count,
       done_count = :done_count, changed_count = :changed_count, failed_count = :failed_count,
       last_id = :last_id, error_code = :error_code, error_message = :error_message,
       ended_ms = :ended_ms, changed_ms = :now_ms
 WHERE id = :job_id AND status IN ('waiting', 'running', 'undoing');

-- name: job_list :many
SELECT j.id, j.kind, j.title, j.status, j.result, j.error_code, j.error_message, j.file_name,
       j.total_count, j.done_count, j.changed_count, j.failed_count, j.is_cancelled, j.created_ms,
       j.changed_ms, j.ended_ms, j.staff_id, s.name AS staff_name
  FROM job j LEFT JOIN staff s ON s.id = j.staff_id
 WHERE j.id < :before_id AND (j.staff_id = :me_staff_id OR :sees_all_number = 1)
   AND (:is_open_number = 0 OR j.status IN ('waiting', 'running', 'undoing'))
 ORDER BY j.id DESC
 LIMIT :limit_count;

-- name: job_get :one
SELECT j.id, j.kind, j.title, j.status, j.result, j.error_code, j.error_message, j.file_name,
       j.total_count, j.done_count, j.changed_count, j.failed_count, j.is_cancelled, j.created_ms,
       j.changed_ms, j.ended_ms, j.staff_id, s.name AS staff_name
  FROM job j LEFT JOIN staff s ON s.id = j.staff_id
 WHERE j.id = :job_id AND (j.staff_id = :me_staff_id OR :sees_all_number = 1);

-- name: job_cancel :changed     one that waits is over at once, one that runs at its next page
UPDATE job
   SET is_cancelled = 1,
       status = CASE status WHEN 'waiting' THEN 'cancelled' ELSE status END,
       ended_ms = CASE status WHEN 'waiting' THEN :now_ms ELSE ended_ms END,
       changed_ms = :now_ms
 WHERE id = :job_id AND status IN ('waiting', 'running');

-- name: job_undo :changed     what it changed is what there is to take back
UPDATE job
   SET status = 'undoing', is_cancelled = 0, total_count = changed_count, done_count = 0, last_id = 0,
       error_code = NULL, error_message = NULL, ended_ms = NULL, changed_ms = :now_ms
 WHERE id = :job_id AND status IN ('done', 'cancelled', 'failed');

-- name: job_file_old :many     ids begin with their time
SELECT id, file_name FROM job
 WHERE id < :until_id AND file_name IS NOT NULL AND ended_ms IS NOT NULL
 ORDER BY id
 LIMIT 20;

-- name: job_file_drop :batch
UPDATE job SET file_name = NULL WHERE id = :id;

-- name: job_old :one
SELECT id FROM job WHERE id < :until_id AND ended_ms IS NOT NULL ORDER BY id LIMIT 1;

-- name: job_item_drop :changed
DELETE FROM job_item
 WHERE job_id = :job_id
   AND subject_id IN (SELECT i.subject_id FROM job_item i WHERE i.job_id = :job_id LIMIT 5000);

-- name: job_drop :exec
DELETE FROM job WHERE id = :job_id;
