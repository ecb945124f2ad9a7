-- Taking back what an import did to customers.

-- name: customer_untouched :lookup     has anything happened since the import made this record?
-- scope: none (an import is undone by who reaches all)
SELECT c.id, c.invited_by_customer_id,
       CASE WHEN c.deleted_ms IS NULL AND c.merged_into_id IS NULL AND c.invited_count = 0
             AND c.blocked_ms IS NULL
             AND NOT EXISTS (SELECT 1 FROM shop_order o WHERE o.customer_id = c.id)
             AND NOT EXISTS (SELECT 1 FROM customer m WHERE m.merged_into_id = c.id)
             AND NOT EXISTS (SELECT 1 FROM customer_note n WHERE n.customer_id = c.id)
             AND NOT EXISTS (SELECT 1 FROM consent k WHERE k.customer_id = c.id)
             AND NOT EXISTS (SELECT 1 FROM relation r WHERE r.customer_id = c.id)
             AND NOT EXISTS (SELECT 1 FROM child h
                              WHERE h.customer_id = c.id AND h.created_ms > c.created_ms)
             AND NOT EXISTS (SELECT 1 FROM journal j
                              WHERE j.customer_id = c.id AND j.arrived_ms > c.created_ms
                                AND j.kind NOT IN ('order_paid', 'order_changed', 'order_cancelled',
                                                   'order_removed')
                                AND NOT (j.kind = 'customer_edited'
                                         AND j.properties IN ('{"fields":"import"}', '{"fields":"import_undo"}')))
            THEN 1 ELSE 0 END AS is_untouched
  FROM customer c WHERE c.id = :customer_id;

-- name: customer_unmake :batch     a tombstone: its number is never given again
-- scope: none (an import is undone by who reaches all)
UPDATE customer
   SET name_enc = NULL, phone_enc = NULL, email_enc = NULL, address_enc = NULL, region = NULL,
       attributes = '{}', birth_day = NULL, child_birth_day = NULL, owner_staff_id = NULL,
       org_id = NULL, invited_by_customer_id = NULL, deleted_ms = :now_ms, changed_ms = :now_ms
 WHERE id = :customer_id AND deleted_ms IS NULL;

-- name: customer_unmake_identities :batch
-- scope: none (an import is undone by who reaches all)
DELETE FROM identity WHERE customer_id = :customer_id;

-- name: customer_unmake_tags :batch
-- scope: none (an import is undone by who reaches all)
DELETE FROM customer_tag WHERE customer_id = :customer_id;

-- name: customer_unmake_owners :batch
-- scope: none (an import is undone by who reaches all)
DELETE FROM customer_owner WHERE customer_id = :customer_id;

-- name: customer_unmake_children :batch
-- scope: none (an import is undone by who reaches all)
DELETE FROM child WHERE customer_id = :customer_id;

-- name: customer_inviter_clear :batch
-- scope: none (an import is undone by who reaches all)
UPDATE customer SET invited_by_customer_id = NULL, changed_ms = :now_ms WHERE id = :customer_id;

-- name: customer_uninvite :batch     of whoever the inviter is by now
-- scope: none (an import is undone by who reaches all)
UPDATE customer SET invited_count = invited_count - 1, changed_ms = :now_ms
 WHERE id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer m WHERE m.id = :customer_id);
