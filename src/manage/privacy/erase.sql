-- Deleting one person: every record that stands for them, in one transaction. Rows that count (customer, journal, orders) stay under
-- the bare number; what says who the person was goes.

-- name: erase_records :many
-- scope: none (of a customer that was reached)
SELECT id, customer_number FROM customer
 WHERE id = :person_id OR merged_into_id = :person_id ORDER BY id LIMIT 1000;

-- name: erase_values :many     by what the person is known: to find refused rows of imports
-- scope: none (of a customer that was reached)
SELECT i.customer_id, i.kind, i.value_enc FROM identity i
 WHERE i.customer_id IN (SELECT r.id FROM customer r
                          WHERE r.id = :person_id OR r.merged_into_id = :person_id)
 ORDER BY i.kind, i.value_hash LIMIT 1000;

-- name: erase_identity :changed
-- scope: none (of a customer that was reached)
DELETE FROM identity
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_child :changed
-- scope: none (of a customer that was reached)
DELETE FROM child
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_note :changed
-- scope: none (of a customer that was reached)
DELETE FROM customer_note
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_owner :changed
-- scope: none (of a customer that was reached)
DELETE FROM customer_owner
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_relation :changed
-- scope: none (of a customer that was reached)
DELETE FROM relation
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_block :changed
-- scope: none (of a customer that was reached)
DELETE FROM customer_block
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_tag :changed
-- scope: none (of a customer that was reached)
DELETE FROM customer_tag
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_merge :changed
-- scope: none (of a customer that was reached)
DELETE FROM customer_merge
 WHERE kept_customer_id IN (SELECT r.id FROM customer r
                             WHERE r.id = :person_id OR r.merged_into_id = :person_id)
    OR merged_customer_id IN (SELECT r.id FROM customer r
                               WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_duplicate :changed
-- scope: none (of a customer that was reached)
DELETE FROM duplicate
 WHERE low_customer_id IN (SELECT r.id FROM customer r
                            WHERE r.id = :person_id OR r.merged_into_id = :person_id)
    OR high_customer_id IN (SELECT r.id FROM customer r
                             WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_consent_end :changed     the proof stays, the consent does not
-- scope: none (of a customer that was reached)
UPDATE consent SET withdrawn_ms = :now_ms, withdrawn_source = 'deletion'
 WHERE withdrawn_ms IS NULL
   AND customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_audit_detail :changed     who did what when stays, and the chain with it
-- scope: none (of a customer that was reached)
DELETE FROM audit_detail
 WHERE audit_id IN (SELECT a.id FROM audit a
                     WHERE a.noun = 'customer'
                       AND a.subject_id IN (SELECT r.id FROM customer r
                                             WHERE r.id = :person_id
                                                OR r.merged_into_id = :person_id));

-- name: erase_import_effect :changed     what imports would put back when undone
-- scope: none (of a customer that was reached)
-- scan: a deletion is rare, and effects are kept for a month
DELETE FROM import_effect
 WHERE noun = 'customer'
   AND subject_id IN (SELECT r.id FROM customer r
                       WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_job_item :changed     what jobs would put back when undone
-- scope: none (of a customer that was reached)
-- scan: a deletion is rare, and jobs are kept for a quarter
DELETE FROM job_item
 WHERE subject_id IN (SELECT r.id FROM customer r
                       WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_reject_rows :each
-- scan: refused rows name nobody; all of them are opened
SELECT import_id, line_seq, raw_enc FROM import_reject;

-- name: erase_reject :batch
DELETE FROM import_reject WHERE import_id = :import_id AND line_seq = :line_seq;

-- name: erase_inbox_rows :each     what was not worked on
-- scan: messages name nobody; the few that are kept are opened
SELECT id, body_enc FROM inbox WHERE body_enc IS NOT NULL;

-- name: erase_inbox :batch     that it came stays, so that it is not taken for new
UPDATE inbox SET status = 'done', body_enc = NULL, error_message = NULL WHERE id = :id;

-- name: erase_outbox_body :changed     what was to be said to them
-- scope: none (of a customer that was reached)
-- scan: a deletion is rare, and messages are kept for a month
DELETE FROM outbox_body
 WHERE outbox_id IN (SELECT b.id FROM outbox b
                      WHERE b.customer_id IN (SELECT r.id FROM customer r
                                               WHERE r.id = :person_id
                                                  OR r.merged_into_id = :person_id));

-- name: erase_outbox :changed     what has not left will not
-- scope: none (of a customer that was reached)
-- scan: a deletion is rare, and messages are kept for a month
UPDATE outbox SET status = 'cancelled', error_message = NULL, changed_ms = :now_ms
 WHERE status IN ('waiting', 'dead')
   AND customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_risk_sign :changed
-- scope: none (of a customer that was reached)
-- scan: a deletion is rare, and signs are kept for a month
DELETE FROM risk_sign
 WHERE customer_id IN (SELECT r.id FROM customer r
                        WHERE r.id = :person_id OR r.merged_into_id = :person_id);

-- name: erase_customer :changed     the tombstone
-- scope: none (of a customer that was reached)
UPDATE customer
   SET name_enc = NULL, phone_enc = NULL, email_enc = NULL, address_enc = NULL, region = NULL,
       attributes = '{}', birth_day = NULL, child_birth_day = NULL, owner_staff_id = NULL,
       org_id = NULL, blocked_ms = NULL, is_family = 0, changed_ms = :now_ms, deleted_ms = :now_ms
 WHERE (id = :person_id OR merged_into_id = :person_id) AND deleted_ms IS NULL;

-- name: erase_kept :one     what stays, counted for the receipt
-- scope: none (of a customer that was reached)
-- scan: a deletion is rare
SELECT (SELECT count(*) FROM journal j
         WHERE j.customer_id IN (SELECT r.id FROM customer r
                                  WHERE r.id = :person_id OR r.merged_into_id = :person_id))
       AS journal_count,
       (SELECT count(*) FROM shop_order o
         WHERE o.customer_id IN (SELECT r.id FROM customer r
                                  WHERE r.id = :person_id OR r.merged_into_id = :person_id))
       AS order_count,
       (SELECT count(*) FROM consent n
         WHERE n.customer_id IN (SELECT r.id FROM customer r
                                  WHERE r.id = :person_id OR r.merged_into_id = :person_id))
       AS consent_count,
       (SELECT count(*) FROM saga s
         WHERE s.customer_id IN (SELECT r.id FROM customer r
                                  WHERE r.id = :person_id OR r.merged_into_id = :person_id))
       AS saga_count,
       (SELECT count(*) FROM participant p
         WHERE p.customer_id IN (SELECT r.id FROM customer r
                                  WHERE r.id = :person_id OR r.merged_into_id = :person_id))
       AS participant_count,
       (SELECT count(*) FROM reward_grant g
         WHERE g.customer_id IN (SELECT r.id FROM customer r
                                  WHERE r.id = :person_id OR r.merged_into_id = :person_id))
       AS reward_count;

-- name: erase_export_files :many     they may hold the person; they can be made again
SELECT id, file_name FROM job WHERE file_name IS NOT NULL AND created_ms <= :asked_ms
 ORDER BY id LIMIT 500;

-- name: erase_export_drop :batch
UPDATE job SET file_name = NULL WHERE id = :id;

-- name: erase_by_number :one     for the list of deletions: never someone who came later
-- scope: none (replaying deletions after a restore)
SELECT coalesce(merged_into_id, id) AS person_id FROM customer
 WHERE customer_number = :customer_number AND deleted_ms IS NULL AND created_ms <= :deleted_ms;

-- name: erase_uploads :many     files sent in for imports may hold the person; those being read are left, and named
SELECT id, CASE WHEN status IN ('running', 'waiting', 'undoing') THEN 1 ELSE 0 END AS is_read_count
  FROM import_run WHERE upload_bytes > 0 ORDER BY id LIMIT 500;

-- name: erase_upload_gone :batch
UPDATE import_run SET upload_bytes = 0 WHERE id = :id;
