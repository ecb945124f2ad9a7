-- The audience: what the engine needs to know for ever, segments.
-- ---- segments ---------------------------------------------------------------------------------
-- Who is meant, under a name: a live one is a query that is kept current, a static one a list of its moment.
CREATE TABLE segment (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    about TEXT NOT NULL,
    kind TEXT NOT NULL,                  -- live static
    state TEXT NOT NULL,                 -- filling live refused: what a live one waits for, or that its names are gone
    definition TEXT,                     -- JSON query; a static one has none
    version_number INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    tag_id INTEGER REFERENCES tag (id),  -- put on who enters, taken off who leaves: the tag is the segment's
    of_segment_id INTEGER REFERENCES segment (id),  -- what a static one was taken from
    staff_id INTEGER REFERENCES staff (id),
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    filled_ms INTEGER,                   -- when its members were last made from history
    archived_ms INTEGER
) STRICT;
CREATE TABLE segment_version (
    segment_id INTEGER NOT NULL REFERENCES segment (id),
    version_number INTEGER NOT NULL,
    definition TEXT NOT NULL,
    staff_id INTEGER REFERENCES staff (id),
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (segment_id, version_number)
) STRICT, WITHOUT ROWID;
CREATE TABLE segment_member (
    segment_id INTEGER NOT NULL REFERENCES segment (id),
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (segment_id, customer_id)
) STRICT, WITHOUT ROWID;
-- How many there were at the end of a day, or are so far, and who came and went in it.
CREATE TABLE segment_size (
    segment_id INTEGER NOT NULL REFERENCES segment (id),
    size_day INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    entered_count INTEGER NOT NULL,
    left_count INTEGER NOT NULL,
    PRIMARY KEY (segment_id, size_day)
) STRICT, WITHOUT ROWID;

-- ---- webhooks -----------------------------------------------------------------------------------
-- A webhook's secret is replaced while the receiver still knows the old one.
ALTER TABLE webhook ADD COLUMN old_secret_enc BLOB;
ALTER TABLE webhook ADD COLUMN old_until_ms INTEGER;
CREATE INDEX outbox_webhook ON outbox (destination, id) WHERE kind = 'webhook';
CREATE INDEX outbox_webhook_dead ON outbox (destination, id) WHERE kind = 'webhook' AND status = 'dead';
-- ---- names ------------------------------------------------------------------------------------
-- By which numbers the engine knows what is a text or a long id. Written before an event that uses one; for ever.
CREATE TABLE engine_name (
    noun TEXT NOT NULL,                  -- kind channel, or the column whose texts these are
    code_number INTEGER NOT NULL,        -- from 0, without gaps
    name TEXT NOT NULL,
    PRIMARY KEY (noun, code_number),
    UNIQUE (noun, name)
) STRICT, WITHOUT ROWID;

-- ---- lists of the ledger that had no index -------------------------------------------------------
CREATE INDEX account_by_bucket ON account (owner_kind, bucket, owner_id, id);
CREATE INDEX transfer_reversals ON transfer (reverses_id, id) WHERE reverses_id IS NOT NULL;
CREATE INDEX reversal_of ON reversal (transfer_id, id);

-- ---- customers by what the engine answers: the list's index has their numbers -----------------------
DROP INDEX customer_by_filter;
CREATE INDEX customer_by_filter ON customer (touched_ms, id, deleted_ms, merged_into_id, order_count,
    last_order_ms, channel_id, owner_staff_id, org_id, added_ms, action_day, is_family, invited_count,
    invited_by_customer_id, first_order_ms, paid_fen, child_birth_day, blocked_ms, customer_number);

-- ---- saved analyses ---------------------------------------------------------------------------
CREATE TABLE report (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    ask TEXT NOT NULL,                   -- what the query asks: funnel retention ...
    query TEXT NOT NULL,                 -- JSON, of the query language
    staff_id INTEGER REFERENCES staff (id),
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

-- ---- roles ------------------------------------------------------------------------------------------
-- Older bases were not given the rights of campaigns, ledger and operations: roles that nobody changed have them now.
UPDATE role SET permissions = permissions || ' ledger.read ledger.reverse system.read timer.read timer.write outbox.read'
       || ' outbox.write saga.read saga.write campaign.read campaign.write campaign.claim reward.decide'
 WHERE is_builtin = 1 AND name = 'operator' AND version_count = 1 AND permissions NOT LIKE '%campaign.read%' ESCAPE '~';
UPDATE role SET permissions = permissions || ' campaign.read campaign.write'
 WHERE is_builtin = 1 AND name = 'activity' AND version_count = 1 AND permissions NOT LIKE '%campaign.read%' ESCAPE '~';
UPDATE role SET permissions = permissions || ' campaign.read campaign.claim'
 WHERE is_builtin = 1 AND name IN ('guide', 'service') AND version_count = 1 AND permissions NOT LIKE '%campaign.read%' ESCAPE '~';
UPDATE role SET permissions = permissions || ' campaign.read'
 WHERE is_builtin = 1 AND name = 'viewer' AND version_count = 1 AND permissions NOT LIKE '%campaign.read%' ESCAPE '~';
-- Those that a new base gives this right have it.
UPDATE role SET permissions = permissions || ' segment.write', version_count = version_count + 1
 WHERE is_builtin = 1 AND name IN ('operator', 'activity')
   AND ' ' || permissions || ' ' NOT LIKE '% segment.write %' ESCAPE '~';

-- ---- behaviours -----------------------------------------------------------------------------------
-- Events that changed nothing else, those of one request a row; ids are the journal's. See docs/decisions/0021.
CREATE TABLE behaviour_page (
    id INTEGER NOT NULL PRIMARY KEY,     -- of its last event
    event_count INTEGER NOT NULL,
    messages_blob BLOB NOT NULL,         -- 8 bytes of the hash of each event's message id: before the events, so that it is read alone
    events_blob BLOB NOT NULL            -- kit/behaviour.c
) STRICT;
-- Where a customer's lie, for so many pages at a time.
CREATE TABLE behaviour_group (
    until_id INTEGER NOT NULL PRIMARY KEY,  -- its last page
    event_count INTEGER NOT NULL
) STRICT;
CREATE TABLE behaviour_index (
    until_id INTEGER NOT NULL,
    first_number INTEGER NOT NULL,       -- the first customer number of the part
    places_blob BLOB NOT NULL,           -- customer number (4 bytes) and page (8), in order
    PRIMARY KEY (until_id, first_number)
) STRICT, WITHOUT ROWID;
