-- Sealing and hashing anew. A page a commit, behind (first_id, second_id); bound_id is what a text is sealed for.

-- name: rotate_staff :many
SELECT id AS first_id, 0 AS second_id, id AS bound_id, totp_enc AS value_enc FROM staff
 WHERE id > :first_id AND :second_id >= 0 ORDER BY id LIMIT :limit_count;
-- name: rotate_staff_set :batch
UPDATE staff SET totp_enc = :value_enc WHERE id = :first_id AND :second_id >= 0;

-- name: rotate_child :many
-- scope: none (the keys of all)
SELECT id AS first_id, 0 AS second_id, id AS bound_id, name_enc AS value_enc FROM child
 WHERE id > :first_id AND :second_id >= 0 ORDER BY id LIMIT :limit_count;
-- name: rotate_child_set :batch
-- scope: none (the keys of all)
UPDATE child SET name_enc = :value_enc WHERE id = :first_id AND :second_id >= 0;

-- name: rotate_note :many
-- scope: none (the keys of all)
SELECT id AS first_id, 0 AS second_id, id AS bound_id, text_enc AS value_enc FROM customer_note
 WHERE id > :first_id AND :second_id >= 0 ORDER BY id LIMIT :limit_count;
-- name: rotate_note_set :batch
-- scope: none (the keys of all)
UPDATE customer_note SET text_enc = :value_enc WHERE id = :first_id AND :second_id >= 0;

-- name: rotate_relation :many
-- scope: none (the keys of all)
SELECT customer_id AS first_id, staff_id AS second_id, customer_id AS bound_id,
       remark_enc AS value_enc
  FROM relation WHERE (customer_id, staff_id) > (:first_id, :second_id)
 ORDER BY customer_id, staff_id LIMIT :limit_count;
-- name: rotate_relation_set :batch
-- scope: none (the keys of all)
UPDATE relation SET remark_enc = :value_enc
 WHERE customer_id = :first_id AND staff_id = :second_id;

-- name: rotate_merge :many
-- scope: none (the keys of all)
SELECT id AS first_id, 0 AS second_id, id AS bound_id, fields_enc AS value_enc FROM customer_merge
 WHERE id > :first_id AND :second_id >= 0 ORDER BY id LIMIT :limit_count;
-- name: rotate_merge_set :batch
-- scope: none (the keys of all)
UPDATE customer_merge SET fields_enc = :value_enc WHERE id = :first_id AND :second_id >= 0;

-- name: rotate_effect :many
SELECT import_id AS first_id, effect_seq AS second_id, import_id AS bound_id,
       before_enc AS value_enc
  FROM import_effect WHERE (import_id, effect_seq) > (:first_id, :second_id)
 ORDER BY import_id, effect_seq LIMIT :limit_count;
-- name: rotate_effect_set :batch
UPDATE import_effect SET before_enc = :value_enc
 WHERE import_id = :first_id AND effect_seq = :second_id;

-- name: rotate_reject :many
SELECT import_id AS first_id, line_seq AS second_id, import_id AS bound_id, raw_enc AS value_enc
  FROM import_reject WHERE (import_id, line_seq) > (:first_id, :second_id)
 ORDER BY import_id, line_seq LIMIT :limit_count;
-- name: rotate_reject_set :batch
UPDATE import_reject SET raw_enc = :value_enc
 WHERE import_id = :first_id AND line_seq = :second_id;

-- name: rotate_inbox :many
SELECT id AS first_id, 0 AS second_id, id AS bound_id, body_enc AS value_enc
  FROM inbox WHERE (id, 0) > (:first_id, :second_id) ORDER BY id LIMIT :limit_count;
-- name: rotate_inbox_set :batch
UPDATE inbox SET body_enc = :value_enc WHERE id = :first_id AND :second_id = 0;

-- name: rotate_outbox :many
SELECT outbox_id AS first_id, 0 AS second_id, outbox_id AS bound_id, body_enc AS value_enc
  FROM outbox_body WHERE (outbox_id, 0) > (:first_id, :second_id) ORDER BY outbox_id LIMIT :limit_count;
-- name: rotate_outbox_set :batch
UPDATE outbox_body SET body_enc = :value_enc WHERE outbox_id = :first_id AND :second_id = 0;

-- name: rotate_webhook :many
SELECT id AS first_id, 0 AS second_id, id AS bound_id, secret_enc AS value_enc
  FROM webhook WHERE (id, 0) > (:first_id, :second_id) ORDER BY id LIMIT :limit_count;
-- name: rotate_webhook_set :batch
UPDATE webhook SET secret_enc = :value_enc WHERE id = :first_id AND :second_id = 0;

-- name: rotate_webhook_old :many
SELECT id AS first_id, 0 AS second_id, id AS bound_id, old_secret_enc AS value_enc
  FROM webhook WHERE (id, 0) > (:first_id, :second_id) AND old_secret_enc IS NOT NULL
 ORDER BY id LIMIT :limit_count;
-- name: rotate_webhook_old_set :batch
UPDATE webhook SET old_secret_enc = :value_enc WHERE id = :first_id AND :second_id = 0;

-- name: rotate_customer :many
-- scope: none (the keys of all)
SELECT id, name_enc, phone_enc, email_enc, address_enc FROM customer
 WHERE id > :first_id ORDER BY id LIMIT :limit_count;
-- name: rotate_customer_set :batch
-- scope: none (the keys of all)
UPDATE customer
   SET name_enc = :name_enc, phone_enc = :phone_enc, email_enc = :email_enc,
       address_enc = :address_enc
 WHERE id = :id;

-- name: rotate_identity :many     whole customers: the caller leaves the last one of a full page to the next
-- scope: none (the keys of all)
SELECT customer_id, kind, value_hash, value_enc FROM identity
 WHERE customer_id > :first_id ORDER BY customer_id LIMIT :limit_count;
-- name: rotate_identity_set :batch
-- scope: none (the keys of all)
UPDATE identity SET value_hash = :new_hash, value_enc = :value_enc
 WHERE kind = :kind AND value_hash = :value_hash;

-- name: rotate_left :one     what is sealed with another key than the one of this number
-- scope: none (counts over all)
-- scan: the proof at the end of a rotation
SELECT (SELECT count(*) FROM staff WHERE substr(totp_enc, 1, 1) <> :number_blob) AS staff_count,
       (SELECT count(*) FROM child WHERE substr(name_enc, 1, 1) <> :number_blob) AS child_count,
       (SELECT count(*) FROM customer_note WHERE substr(text_enc, 1, 1) <> :number_blob)
       AS note_count,
       (SELECT count(*) FROM relation WHERE substr(remark_enc, 1, 1) <> :number_blob)
       AS relation_count,
       (SELECT count(*) FROM customer_merge WHERE substr(fields_enc, 1, 1) <> :number_blob)
       AS merge_count,
       (SELECT count(*) FROM import_effect WHERE substr(before_enc, 1, 1) <> :number_blob)
       AS effect_count,
       (SELECT count(*) FROM import_reject WHERE substr(raw_enc, 1, 1) <> :number_blob)
       AS reject_count,
       (SELECT count(*) FROM customer
         WHERE substr(name_enc, 1, 1) <> :number_blob OR substr(phone_enc, 1, 1) <> :number_blob
            OR substr(email_enc, 1, 1) <> :number_blob
            OR substr(address_enc, 1, 1) <> :number_blob) AS customer_count,
       (SELECT count(*) FROM identity WHERE substr(value_enc, 1, 1) <> :number_blob)
       AS identity_count,
       (SELECT count(*) FROM inbox WHERE substr(body_enc, 1, 1) <> :number_blob)
       AS inbox_count,
       (SELECT count(*) FROM outbox_body WHERE substr(body_enc, 1, 1) <> :number_blob)
       AS outbox_count,
       (SELECT count(*) FROM webhook
         WHERE substr(secret_enc, 1, 1) <> :number_blob
            OR substr(old_secret_enc, 1, 1) <> :number_blob) AS webhook_count;

-- name: rotate_total :one     rows to look at
-- scope: none (counts over all)
-- scan: once a rotation
SELECT (SELECT count(*) FROM staff) + (SELECT count(*) FROM child)
       + (SELECT count(*) FROM customer_note) + (SELECT count(*) FROM relation)
       + (SELECT count(*) FROM customer_merge) + (SELECT count(*) FROM import_effect)
       + (SELECT count(*) FROM import_reject) + (SELECT count(*) FROM customer)
       + (SELECT count(*) FROM identity) + (SELECT count(*) FROM inbox)
       + (SELECT count(*) FROM outbox_body) + (SELECT count(*) FROM webhook)
       + (SELECT count(*) FROM webhook WHERE old_secret_enc IS NOT NULL) AS seal_count,
       (SELECT count(*) FROM identity) AS hash_count;

-- name: rotate_job :one     the latest
SELECT id, status, done_count, total_count, changed_ms FROM job
 WHERE kind = 'key_rotate' ORDER BY id DESC LIMIT 1;
