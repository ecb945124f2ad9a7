-- Runs of imports and the rows they refused.

-- name: import_open_find :one     a run of the same file and mapping that did not end
SELECT id, line_count, accepted_count, rejected_count, changed_count
  FROM import_run
 WHERE content_hash = :content_hash AND kind = :kind AND mapping = :mapping AND status <> 'done'
 ORDER BY started_ms DESC
 LIMIT 1;

-- name: import_done_find :one
SELECT id, line_count, accepted_count, rejected_count
  FROM import_run
 WHERE content_hash = :content_hash AND kind = :kind AND mapping = :mapping AND status = 'done'
 ORDER BY started_ms DESC
 LIMIT 1;

-- name: import_add :exec
INSERT INTO import_run (id, kind, file_name, content_hash, mapping, status, line_count,
                        accepted_count, rejected_count, changed_count, started_ms, changed_ms)
VALUES (:import_id, :kind, :file_name, :content_hash, :mapping, 'running', 0, 0, 0, 0, :now_ms, :now_ms);

-- name: import_step :changed     guarded: two runs of one file cannot both go on
UPDATE import_run
   SET status = 'running',
       line_count = :line_count,
       accepted_count = accepted_count + :accepted_count,
       rejected_count = rejected_count + :rejected_count,
       changed_count = changed_count + :changed_count,
       changed_ms = :now_ms
 WHERE id = :import_id AND line_count = :before_count AND status <> 'done';

-- name: import_status :exec
UPDATE import_run SET status = :status, changed_ms = :now_ms WHERE id = :import_id;

-- name: import_get :one
SELECT kind, file_name, status, line_count, accepted_count, rejected_count, changed_count
  FROM import_run
 WHERE id = :import_id;

-- name: import_reject_add :batch
INSERT INTO import_reject (import_id, line_seq, code, reason, raw_enc)
VALUES (:import_id, :line_seq, :code, :reason, :raw_enc);

-- name: import_reject_page :many
SELECT line_seq, code, reason, raw_enc FROM import_reject
 WHERE import_id = :import_id AND line_seq > :after_seq
 ORDER BY line_seq
 LIMIT 1000;

-- name: import_forget_find :one     a run whose refused rows are due to go
SELECT r.id
  FROM import_run AS r
 WHERE r.started_ms < :before_ms AND r.rejected_count > 0
   AND EXISTS (SELECT 1 FROM import_reject AS j WHERE j.import_id = r.id)
 ORDER BY r.started_ms
 LIMIT 1;

-- name: import_reject_forget :changed
DELETE FROM import_reject WHERE import_id = :import_id;

-- name: import_list :many
SELECT id, kind, file_name, status, line_count, accepted_count, rejected_count, changed_count,
       started_ms, changed_ms
  FROM import_run
 WHERE :before_id IS NULL OR id < :before_id
 ORDER BY id DESC
 LIMIT :limit_count;

-- name: import_cost_find :lookup
SELECT channel_id, spent_day, cost_fen, note FROM channel_cost
 WHERE source = :source AND cost_no = :cost_no;
