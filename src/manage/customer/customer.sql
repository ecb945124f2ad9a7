-- Customers and their identities. Personal data only as *_enc (sealed) and *_hash (keyed).

-- name: identity_find :one
-- scope: none
SELECT customer_id FROM identity WHERE kind = :kind AND value_hash = :value_hash;

-- name: customer_reach :one     whose record it is, if the one who asks may see that person
SELECT c.id AS person_id FROM customer m
  JOIN customer c ON c.id = coalesce(m.merged_into_id, m.id)
 WHERE m.id = :customer_id AND c.deleted_ms IS NULL AND in_scope(c);

-- name: customer_seen :lookup     the one read of the hot path: whose identity is it, and what may an event change
-- scope: none
-- customer_id is the record's, person_id and what may change the person's; one record more is read of merged ones alone
SELECT i.customer_id, c.customer_number, coalesce(c.merged_into_id, c.id) AS person_id,
       CASE WHEN c.merged_into_id IS NULL THEN c.action_day
            ELSE (SELECT p.action_day FROM customer p WHERE p.id = c.merged_into_id) END AS action_day,
       CASE WHEN c.merged_into_id IS NULL THEN c.touched_ms
            ELSE (SELECT p.touched_ms FROM customer p WHERE p.id = c.merged_into_id) END AS touched_ms
  FROM identity i JOIN customer c ON c.id = i.customer_id
 WHERE i.kind = :kind AND i.value_hash = :value_hash;

-- name: customer_person :lookup     whom a record stands for
-- scope: none
SELECT coalesce(merged_into_id, id) AS person_id FROM customer WHERE id = :customer_id;

-- name: customer_last_number :one
-- scope: none
SELECT coalesce(max(customer_number), 0) AS last_number FROM customer;

-- name: customer_insert :batch
-- scope: none
INSERT INTO customer (id, customer_number, name_enc, phone_enc, email_enc, region, attributes,
                      channel_id, invited_by_customer_id, is_family, touched_ms, added_ms,
                      action_day, order_count, paid_fen, refunded_fen, invited_count, created_ms,
                      changed_ms)
VALUES (:id, :customer_number, :name_enc, :phone_enc, :email_enc, :region, :attributes,
        :channel_id, :invited_by_customer_id, 0, :touched_ms, :added_ms, :action_day, 0, 0, 0, 0,
        :now_ms, :now_ms);

-- name: identity_insert :batch
-- scope: none
INSERT INTO identity (kind, value_hash, customer_id, value_enc, created_ms)
VALUES (:kind, :value_hash, :customer_id, :value_enc, :now_ms);

-- name: identity_delete :batch
-- scope: none
DELETE FROM identity
 WHERE kind = :kind AND value_hash = :value_hash AND customer_id = :customer_id;

-- name: identity_of_customer :many     of a person: those of all its records; each value is sealed for its record
-- scope: none
SELECT i.kind, i.value_enc, i.customer_id AS record_id
  FROM customer r JOIN identity i ON i.customer_id = r.id
 WHERE r.id = :customer_id OR r.merged_into_id = :customer_id
 ORDER BY i.kind, i.value_hash LIMIT 400;

-- name: identity_named_count :lookup     identities that name a person, not just a visitor
-- scope: none
SELECT count(*) AS named_count FROM customer r JOIN identity i ON i.customer_id = r.id
 WHERE (r.id = :customer_id OR r.merged_into_id = :customer_id) AND i.kind <> 'anonymous';

-- name: customer_now :lookup     what an edit or an import compares with
-- scope: none
SELECT name_enc, phone_enc, email_enc, region, attributes, channel_id, is_family, touched_ms,
       added_ms, invited_by_customer_id, merged_into_id
  FROM customer WHERE id = :customer_id AND deleted_ms IS NULL;

-- name: customer_change :batch
-- scope: none
UPDATE customer
   SET name_enc = :name_enc, phone_enc = :phone_enc, email_enc = :email_enc, region = :region,
       attributes = :attributes, channel_id = :channel_id, is_family = :is_family,
       touched_ms = :touched_ms, added_ms = :added_ms, changed_ms = :now_ms
 WHERE id = :customer_id AND deleted_ms IS NULL;

-- name: customer_seen_change :batch     an event moves the last action forward, the first touch back
-- scope: none
UPDATE customer
   SET action_day = CASE WHEN action_day IS NULL OR action_day < :action_day THEN :action_day
                         ELSE action_day END,
       channel_id = CASE WHEN touched_ms > :touched_ms THEN coalesce(:channel_id, channel_id)
                         ELSE channel_id END,
       touched_ms = CASE WHEN touched_ms > :touched_ms THEN :touched_ms ELSE touched_ms END
 WHERE id = :customer_id;

-- name: customer_added_set :changed     the earliest counts, whatever the order of arrival
-- scope: none
UPDATE customer SET added_ms = :added_ms, changed_ms = :now_ms
 WHERE id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer m WHERE m.id = :customer_id)
   AND (added_ms IS NULL OR added_ms > :added_ms);

-- name: customer_inviter_set :changed     once, never oneself, never one's own guest
-- scope: none
-- of the person; the inviter stays the record that was named
UPDATE customer SET invited_by_customer_id = :inviter_id, changed_ms = :now_ms
 WHERE id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer m WHERE m.id = :customer_id)
   AND invited_by_customer_id IS NULL
   AND NOT EXISTS (SELECT 1 FROM customer r
                     JOIN customer p ON p.id = coalesce(r.merged_into_id, r.id)
                     LEFT JOIN customer g ON g.id = p.invited_by_customer_id
                    WHERE r.id = :inviter_id
                      AND (p.id = customer.id OR coalesce(g.merged_into_id, g.id) = customer.id));

-- name: customer_invited_add :changed
-- scope: none
UPDATE customer SET invited_count = invited_count + 1, changed_ms = :now_ms
 WHERE id = (SELECT coalesce(m.merged_into_id, m.id) FROM customer m WHERE m.id = :customer_id);

-- name: customer_search_page :many     for the memory of names: customers in order of id
-- scope: none (memory for all; what is found passes filter_match)
SELECT id, coalesce(merged_into_id, id) AS person_id, name_enc, phone_enc, email_enc FROM customer
 WHERE id > :from_id AND deleted_ms IS NULL ORDER BY id LIMIT :limit_count;

-- name: customer_search_identities :many
-- scope: none (memory for all; what is found passes filter_match)
SELECT customer_id, kind, value_enc FROM identity
 WHERE customer_id > :from_id AND customer_id <= :to_id
 ORDER BY customer_id LIMIT :limit_count;

-- name: customer_search_one :lookup
-- scope: none (memory for all; what is found passes filter_match)
SELECT c.id, coalesce(c.merged_into_id, c.id) AS person_id, c.name_enc, c.phone_enc, c.email_enc,
       (SELECT count(*) FROM identity i
         WHERE i.customer_id = c.id AND i.kind NOT IN ('phone', 'email', 'anonymous'))
       AS identity_count
  FROM customer c WHERE c.id = :customer_id AND c.deleted_ms IS NULL;

-- name: customer_search_identity_nth :lookup
-- scope: none (memory for all; what is found passes filter_match)
SELECT kind, value_enc FROM identity
 WHERE customer_id = :customer_id AND kind NOT IN ('phone', 'email', 'anonymous')
 ORDER BY kind, value_hash LIMIT 1 OFFSET :skip_count;

-- name: customer_search_changes :many     what the journal says changed since
-- scope: none (memory for all; what is found passes filter_match)
SELECT id, customer_id FROM journal
 WHERE id > :from_id
   AND kind IN ('customer_added', 'customer_edited', 'customer_merged', 'customer_unmerged',
                'customer_deleted')
 ORDER BY id LIMIT :limit_count;

-- name: customer_search_journal_end :one
-- scope: none (memory for all; what is found passes filter_match)
SELECT coalesce(max(id), 0) AS last_id FROM journal;
