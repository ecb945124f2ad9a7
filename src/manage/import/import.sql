-- Runs of imports and the rows they refused.

-- name: import_open_find :one     a run of the same file and mapping that did not end
SELECT id, line_count, accepted_count, rejected_count, changed_count
  FROM import_run
 WHERE content_hash = :content_hash AND kind = :kind AND mapping = :mapping
   AND status IN ('running', 'failed', 'cancelled') AND is_dry = 0 AND upload_bytes IS NULL
 ORDER BY started_ms DESC
 LIMIT 1;

-- name: import_done_find :one     is this file in the base already?
SELECT id, line_count, accepted_count, rejected_count
  FROM import_run
 WHERE content_hash = :content_hash AND kind = :kind AND mapping = :mapping AND status = 'done'
   AND is_dry = 0
 ORDER BY started_ms DESC
 LIMIT 1;

-- name: import_add :exec
INSERT INTO import_run (id, kind, file_name, content_hash, mapping, status, line_count,
                        accepted_count, rejected_count, changed_count, started_ms, changed_ms,
                        staff_id, is_dry, upload_bytes, header_hash)
VALUES (:import_id, :kind, :file_name, :content_hash, :mapping, :status, 0, 0, 0, 0, :now_ms,
        :now_ms, :staff_id, 0, :upload_bytes, :header_hash);

-- name: import_step :changed     guarded: two runs of one file cannot both go on
UPDATE import_run
   SET line_count = :line_count,
       accepted_count = accepted_count + :accepted_count,
       rejected_count = rejected_count + :rejected_count,
       changed_count = changed_count + :changed_count,
       total_count = :total_count,
       changed_ms = :now_ms
 WHERE id = :import_id AND line_count = :before_count AND status = 'running';

-- name: import_goes_on :exec     of the command line's own file
UPDATE import_run SET status = 'running', error_code = NULL, error_message = NULL, changed_ms = :now_ms
 WHERE id = :import_id;

-- name: import_end :exec     what was stopped meanwhile, and maybe begun again, is not this run's any more
UPDATE import_run
   SET status = :status, error_code = :error_code, error_message = :error_message,
       total_count = CASE WHEN :status = 'done' THEN line_count ELSE total_count END,
       changed_ms = :now_ms
 WHERE id = :import_id AND status = 'running';

-- name: import_get :one
SELECT id, kind, file_name, status, content_hash, mapping, line_count, accepted_count, rejected_count,
       changed_count, total_count, is_dry, started_ms, changed_ms, undone_ms, error_code,
       error_message, upload_bytes, header_hash, staff_id
  FROM import_run
 WHERE id = :import_id;

-- ---- uploads ----

-- name: import_begin :changed     what was tried or stopped begins anew; what was begun for good goes on
UPDATE import_run
   SET status = 'waiting', kind = :kind, mapping = :mapping, is_dry = :is_dry,
       line_count = CASE WHEN :is_anew = 1 THEN 0 ELSE line_count END,
       accepted_count = CASE WHEN :is_anew = 1 THEN 0 ELSE accepted_count END,
       rejected_count = CASE WHEN :is_anew = 1 THEN 0 ELSE rejected_count END,
       changed_count = CASE WHEN :is_anew = 1 THEN 0 ELSE changed_count END,
       error_code = NULL, error_message = NULL, started_ms = :now_ms, changed_ms = :now_ms,
       staff_id = :staff_id
 WHERE id = :import_id AND status = :was AND upload_bytes IS NOT NULL;

-- name: import_claim :one     the next that waits of those whose file lies at this node (their id says so)
UPDATE import_run SET status = 'running', changed_ms = :now_ms
 WHERE id = (SELECT id FROM import_run
              WHERE status = 'waiting' AND coalesce(:node_number, id / 16384 % 256) = id / 16384 % 256
              ORDER BY started_ms, id LIMIT 1)
RETURNING id, kind, file_name, mapping, is_dry;

-- name: import_mapped :exec     how it is read, once that is settled
UPDATE import_run SET mapping = :mapping, changed_ms = :now_ms WHERE id = :import_id;

-- name: import_cancel :changed
UPDATE import_run SET status = 'cancelled', changed_ms = :now_ms
 WHERE id = :import_id AND status IN ('running', 'waiting');

-- name: import_revive :changed     at start: what ran when the server ended waits again
UPDATE import_run SET status = 'waiting', changed_ms = :now_ms
 WHERE status = 'running' AND upload_bytes IS NOT NULL AND is_dry = 0
   AND coalesce(:node_number, id / 16384 % 256) = id / 16384 % 256;

-- name: import_revive_dry :changed
UPDATE import_run
   SET status = 'ready', line_count = 0, accepted_count = 0, rejected_count = 0, changed_count = 0,
       is_dry = 0, changed_ms = :now_ms
 WHERE status IN ('running', 'waiting') AND upload_bytes IS NOT NULL AND is_dry = 1
   AND coalesce(:node_number, id / 16384 % 256) = id / 16384 % 256;

-- name: import_waiting_count :one
SELECT count(*) AS waiting_count FROM import_run
 WHERE status = 'waiting' AND coalesce(:node_number, id / 16384 % 256) = id / 16384 % 256;

-- name: import_mapping_find :one     how a file with this header was read before
SELECT mapping FROM import_run
 WHERE header_hash = :header_hash AND kind = :kind AND mapping <> ''
 ORDER BY changed_ms DESC
 LIMIT 1;

-- name: import_same_find :one     the same content, taken before
SELECT id, started_ms FROM import_run
 WHERE content_hash = :content_hash AND status = 'done' AND is_dry = 0
 ORDER BY started_ms DESC
 LIMIT 1;

-- name: import_upload_forget :one     an upload that nobody used for a day, or that is over
SELECT id FROM import_run
 WHERE upload_bytes > 0
   AND ((status IN ('ready', 'cancelled', 'failed', 'done') AND changed_ms < :keep_ms)
        OR (line_count = 0 AND status = 'ready' AND changed_ms < :day_ms)
        OR (is_dry = 1 AND status <> 'running' AND status <> 'waiting' AND changed_ms < :day_ms))
 ORDER BY changed_ms
 LIMIT 1;

-- name: import_upload_gone :exec
UPDATE import_run SET upload_bytes = 0 WHERE id = :import_id;

-- name: import_unused_delete :changed     and its row, if nothing was made of it
DELETE FROM import_run WHERE id = :import_id AND status = 'ready' AND line_count = 0;

-- name: import_reject_clear :exec
DELETE FROM import_reject WHERE import_id = :import_id;

-- ---- what a run did, and undoing it ----

-- name: import_effect_last :one
SELECT coalesce(max(effect_seq), 0) AS last_seq FROM import_effect WHERE import_id = :import_id;

-- name: import_effect_add :batch
INSERT INTO import_effect (import_id, effect_seq, noun, subject_id, before_enc)
VALUES (:import_id, :effect_seq, :noun, :subject_id, :before_enc);

-- name: import_effect_next :one     the last comes first
SELECT effect_seq, noun, subject_id, before_enc FROM import_effect
 WHERE import_id = :import_id
 ORDER BY effect_seq DESC
 LIMIT 1;

-- name: import_effect_sum :one
SELECT coalesce(CAST(sum(subject_id) AS BIGINT), 0) AS subject_count, count(*) AS page_count FROM import_effect
 WHERE import_id = :import_id;

-- name: import_effect_nouns :many
SELECT noun, CAST(sum(subject_id) AS BIGINT) AS subject_count FROM import_effect
 WHERE import_id = :import_id
 GROUP BY noun ORDER BY noun LIMIT 10;

-- name: import_effect_done :exec
DELETE FROM import_effect WHERE import_id = :import_id AND effect_seq = :effect_seq;

-- name: import_effect_forget :changed
DELETE FROM import_effect WHERE import_id = :import_id;

-- name: import_undo_begin :changed
UPDATE import_run SET status = 'undoing', changed_ms = :now_ms
 WHERE id = :import_id AND status IN ('done', 'failed', 'cancelled', 'undoing') AND is_dry = 0;

-- name: import_undo_end :exec
UPDATE import_run SET status = 'undone', undone_ms = :now_ms, changed_ms = :now_ms
 WHERE id = :import_id AND status = 'undoing';

-- ---- refused rows ----

-- name: import_reject_add :batch
INSERT INTO import_reject (import_id, line_seq, code, reason, raw_enc)
VALUES (:import_id, :line_seq, :code, :reason, :raw_enc);

-- name: import_reject_page :many
SELECT line_seq, code, reason, raw_enc FROM import_reject
 WHERE import_id = :import_id AND line_seq > :after_seq
 ORDER BY line_seq
 LIMIT 1000;

-- name: import_forget_find :one     a run whose refused rows are due to go, and what undo needs
SELECT r.id
  FROM import_run AS r
 WHERE r.started_ms < :before_ms
   AND (EXISTS (SELECT 1 FROM import_reject AS j WHERE j.import_id = r.id)
        OR EXISTS (SELECT 1 FROM import_effect AS e WHERE e.import_id = r.id))
 ORDER BY r.started_ms
 LIMIT 1;

-- name: import_reject_forget :changed
DELETE FROM import_reject WHERE import_id = :import_id;

-- name: import_list :many
SELECT r.id, r.kind, r.file_name, r.status, r.line_count, r.accepted_count, r.rejected_count,
       r.changed_count, r.total_count, r.is_dry, r.started_ms, r.changed_ms, r.undone_ms,
       r.error_code, r.upload_bytes, s.name AS staff_name,
       CASE WHEN EXISTS (SELECT 1 FROM import_effect AS e WHERE e.import_id = r.id) THEN 1 ELSE 0
       END AS has_effects
  FROM import_run AS r LEFT JOIN staff AS s ON s.id = r.staff_id
 WHERE :before_id IS NULL OR r.id < :before_id
 ORDER BY r.id DESC
 LIMIT :limit_count;

-- name: import_cost_delete :batch
DELETE FROM channel_cost WHERE id = :cost_id;

-- name: import_cost_find :lookup
SELECT id, channel_id, spent_day, cost_fen, note FROM channel_cost
 WHERE source = :source AND cost_no = :cost_no;
