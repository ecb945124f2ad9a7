-- The second factor. A secret without totp_step_number waits for its first code and is not asked for.

-- name: totp_get :one
SELECT login, totp_enc, totp_step_number FROM staff WHERE id = :staff_id;

-- name: totp_begin :changed
UPDATE staff SET totp_enc = :totp_enc WHERE id = :staff_id AND totp_step_number IS NULL;

-- name: totp_confirm :changed
UPDATE staff SET totp_step_number = :totp_step_number
 WHERE id = :staff_id AND totp_step_number IS NULL AND totp_enc IS NOT NULL;

-- name: totp_step_take :changed     each step once, and none before the last
UPDATE staff SET totp_step_number = :totp_step_number
 WHERE id = :staff_id AND totp_step_number < :totp_step_number;

-- name: totp_off :changed
UPDATE staff SET totp_enc = NULL, totp_step_number = NULL WHERE id = :staff_id;

-- name: recovery_code_drop :exec
DELETE FROM recovery_code WHERE staff_id = :staff_id;

-- name: recovery_code_add :batch
INSERT INTO recovery_code (staff_id, code_hash) VALUES (:staff_id, :code_hash);

-- name: recovery_code_take :changed
UPDATE recovery_code SET used_ms = :now_ms
 WHERE staff_id = :staff_id AND code_hash = :code_hash AND used_ms IS NULL;

-- name: recovery_code_left :one
SELECT count(*) AS left_count FROM recovery_code WHERE staff_id = :staff_id AND used_ms IS NULL;
