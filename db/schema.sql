-- The whole schema as it stands. Empty + migrations = this file (tested).
-- The subset that SQLite and PostgreSQL share: docs/decisions/0002-sql-subset.md. Unit suffixes give the types.

-- Facts about this base that never change after set-up (zone, currency, the node's id) and secrets of the process.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- What an operator sets. One row a setting; a missing row is the default of its definition in manage/setting.
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,                 -- JSON
    version_count INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    staff_id INTEGER
) STRICT;
-- Every value a setting ever had, who set it and why.
CREATE TABLE setting_version (
    name TEXT NOT NULL,
    version_number INTEGER NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    staff_id INTEGER,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (name, version_number)
) STRICT, WITHOUT ROWID;
CREATE INDEX setting_version_by_time ON setting_version (changed_ms);

-- ---- people who work here ---------------------------------------------------------------------
-- The organisation as a tree: the company, regions, dealers, stores, departments.
CREATE TABLE org (
    id INTEGER NOT NULL PRIMARY KEY,
    parent_id INTEGER REFERENCES org (id),
    kind TEXT NOT NULL,                  -- company region dealer store department
    code TEXT NOT NULL UNIQUE,           -- how files name it
    name TEXT NOT NULL,
    path TEXT NOT NULL,                  -- /1/5/9/: ids from the root down, for whole branches
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX org_by_parent ON org (parent_id);
CREATE INDEX org_by_path ON org (path);

-- A set of rights and how far they reach.
CREATE TABLE role (
    name TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    permissions TEXT NOT NULL,           -- blank-separated; * is all
    scope TEXT NOT NULL,                 -- own | store | all
    is_builtin INTEGER NOT NULL,
    version_count INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE staff (
    id INTEGER NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,          -- lower case
    name TEXT NOT NULL,
    role TEXT NOT NULL,                  -- a row of role
    password TEXT NOT NULL,              -- argon2id
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    password_ms INTEGER NOT NULL,        -- sessions older than this are over
    org_id INTEGER REFERENCES org (id),  -- where this person works: the branch a scope of "store" reaches
    totp_enc BLOB,                       -- secret of the second factor; none: not asked for
    totp_step_number INTEGER             -- the last 30-second step taken, so that no code works twice
) STRICT;
CREATE INDEX staff_by_org ON staff (org_id);

CREATE TABLE recovery_code (
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    code_hash BLOB NOT NULL,
    used_ms INTEGER,
    PRIMARY KEY (staff_id, code_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    token_hash BLOB NOT NULL PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    csrf TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    id INTEGER,                          -- how lists name it
    agent TEXT,                          -- the browser, as it names itself
    peer TEXT,
    seen_ms INTEGER                      -- to the minute
) STRICT;
CREATE INDEX session_by_staff ON session (staff_id);
CREATE INDEX session_by_expiry ON session (expires_ms);

CREATE UNIQUE INDEX session_by_id ON session (id);

-- Keys of other programs. Only their hash is kept; rights of their own, never more than their owner's.
CREATE TABLE api_key (
    id INTEGER NOT NULL PRIMARY KEY,
    key_hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,                  -- the first characters, so that people can tell keys apart
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    staff_id INTEGER NOT NULL REFERENCES staff (id),   -- who made it and for whom it acts
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER,                     -- to the minute
    revoked_ms INTEGER
) STRICT;

-- Who changed what: one row a committed change by a person or a key. Chained: row_hash covers the row, the digest of
-- its detail and the hash of the row before, so that none can be changed or taken out unseen.
CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    staff_id INTEGER,
    api_key_id INTEGER,
    action TEXT NOT NULL,                -- of the route: "POST /api/customers/{customer_id}/edit"
    noun TEXT NOT NULL,                  -- what subject_id is the id of
    subject_id INTEGER,
    peer TEXT NOT NULL,
    detail_hash BLOB NOT NULL,           -- of salt and detail
    previous_hash BLOB NOT NULL,
    row_hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_staff ON audit (staff_id, id);
CREATE INDEX audit_by_subject ON audit (noun, subject_id, id);
CREATE INDEX audit_by_action ON audit (action, id);
-- Can be erased without breaking the chain.
CREATE TABLE audit_detail (
    audit_id INTEGER NOT NULL PRIMARY KEY,
    salt_blob BLOB NOT NULL,
    detail TEXT NOT NULL                 -- JSON object
) STRICT;

-- One-time links with which a colleague sets the own password: an invitation, or after a loss.
CREATE TABLE staff_link (
    token_hash BLOB NOT NULL PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX staff_link_by_staff ON staff_link (staff_id);

CREATE TABLE setup_link (
    token_hash BLOB NOT NULL PRIMARY KEY,
    expires_ms INTEGER NOT NULL
) STRICT;

-- Public keys with which web pages send events.
CREATE TABLE write_key (
    id INTEGER NOT NULL PRIMARY KEY,
    key_text TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Replies kept 24 hours under their idempotency key; two tables used in turn, the older one emptied whole.
CREATE TABLE reply_a (
    key_hash BLOB NOT NULL PRIMARY KEY,  -- of key + principal + route
    body_hash BLOB NOT NULL,
    status_count INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE reply_b (
    key_hash BLOB NOT NULL PRIMARY KEY,
    body_hash BLOB NOT NULL,
    status_count INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- ---- channels ------------------------------------------------------------------------------------
CREATE TABLE channel (
    id INTEGER NOT NULL PRIMARY KEY,
    parent_id INTEGER REFERENCES channel (id),
    code TEXT NOT NULL UNIQUE,           -- how files and links name it
    name TEXT NOT NULL,
    kind TEXT NOT NULL,                  -- store ad sms call content site partner referral other
    path TEXT NOT NULL,                  -- /1/5/9/: ids from the root down, for whole branches
    is_archived INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX channel_by_parent ON channel (parent_id);
CREATE INDEX channel_by_path ON channel (path);

CREATE TABLE channel_cost (
    id INTEGER NOT NULL PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel (id),
    source TEXT NOT NULL,
    cost_no TEXT NOT NULL,
    spent_day INTEGER NOT NULL,          -- local day number
    cost_fen INTEGER NOT NULL,
    note TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (source, cost_no)
) STRICT;
CREATE INDEX channel_cost_by_channel ON channel_cost (channel_id, spent_day);

-- ---- customers ------------------------------------------------------------------------------------
-- One row a person (or a visitor not yet identified). Personal data sealed; figures kept by the transactions that change them.
CREATE TABLE customer (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_number INTEGER NOT NULL UNIQUE,  -- dense u32, never reused
    name_enc BLOB,
    phone_enc BLOB,
    email_enc BLOB,
    region TEXT,                          -- country or province as it came
    attributes TEXT NOT NULL,             -- JSON object of what the brand records besides; no personal data
    channel_id INTEGER REFERENCES channel (id),   -- first touch
    invited_by_customer_id INTEGER REFERENCES customer (id),
    is_family INTEGER NOT NULL,           -- 家人
    touched_ms INTEGER NOT NULL,          -- first touch of any kind
    added_ms INTEGER,                     -- friend added, followed or registered
    action_day INTEGER,                   -- local day of the last own action
    order_count INTEGER NOT NULL,         -- counted orders (shop_order.is_counted)
    paid_fen INTEGER NOT NULL,            -- their sum
    refunded_fen INTEGER NOT NULL,
    first_order_ms INTEGER,
    second_order_ms INTEGER,
    last_order_ms INTEGER,
    invited_count INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    deleted_ms INTEGER,                   -- a tombstone: the person's data are gone
    merged_into_id INTEGER REFERENCES customer (id),   -- this record's person; none: itself. Never a chain
    birth_day INTEGER,
    child_birth_day INTEGER,              -- of the youngest child: life stage
    owner_staff_id INTEGER REFERENCES staff (id),
    org_id INTEGER REFERENCES org (id),   -- the store whose customer this is
    blocked_ms INTEGER,                   -- blacklisted since; why: customer_block
    address_enc BLOB
) STRICT;
CREATE INDEX customer_by_last_order ON customer (last_order_ms, id);
CREATE INDEX customer_by_paid ON customer (paid_fen, id);
CREATE INDEX customer_by_orders ON customer (order_count, id);
CREATE INDEX customer_by_channel ON customer (channel_id, touched_ms);
CREATE INDEX customer_by_inviter ON customer (invited_by_customer_id);
CREATE INDEX customer_by_merge ON customer (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX customer_by_deletion ON customer (deleted_ms) WHERE deleted_ms IS NOT NULL;
CREATE INDEX customer_by_owner ON customer (owner_staff_id, touched_ms);
CREATE INDEX customer_by_org ON customer (org_id, touched_ms);
-- Every filter of the list reads this index alone, whatever they are together.
CREATE INDEX customer_by_filter ON customer (touched_ms, id, deleted_ms, merged_into_id, order_count,
    last_order_ms, channel_id, owner_staff_id, org_id, added_ms, action_day, is_family, invited_count,
    invited_by_customer_id, first_order_ms, paid_fen, child_birth_day, blocked_ms, customer_number);

CREATE TABLE child (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    birth_day INTEGER NOT NULL,
    name_enc BLOB,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX child_by_customer ON child (customer_id);

-- What the brand records of a customer besides: the members of customer.attributes, with their types.
CREATE TABLE attribute (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,           -- the member's name
    title TEXT NOT NULL,
    kind TEXT NOT NULL,                  -- text integer money date choice choices
    choices TEXT NOT NULL,               -- JSON list
    place_number INTEGER NOT NULL,       -- order on the page
    is_archived INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Written about a customer by staff.
CREATE TABLE customer_note (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    staff_id INTEGER,
    text_enc BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX customer_note_by_customer ON customer_note (customer_id, id);

-- Who had this customer when; the one without to_ms stands in the customer's row too.
CREATE TABLE customer_owner (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    staff_id INTEGER REFERENCES staff (id),
    org_id INTEGER REFERENCES org (id),
    from_ms INTEGER NOT NULL,
    to_ms INTEGER,
    by_staff_id INTEGER,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX customer_owner_by_customer ON customer_owner (customer_id, id);

-- What is between one colleague and one customer: apart from the person, because each has an own one.
CREATE TABLE relation (
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    source TEXT NOT NULL,                -- how they met: scan search group card import hand
    remark_enc BLOB,                     -- how this colleague calls the customer
    added_ms INTEGER,                    -- friends since
    lost_ms INTEGER,                     -- deleted by the customer
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (customer_id, staff_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX relation_by_staff ON relation (staff_id, customer_id);

CREATE TABLE customer_block (
    customer_id INTEGER NOT NULL PRIMARY KEY REFERENCES customer (id),
    staff_id INTEGER,
    reason TEXT NOT NULL,
    blocked_ms INTEGER NOT NULL
) STRICT;

-- Two records that are one person. The link is customer.merged_into_id; this row knows how to undo it.
CREATE TABLE customer_merge (
    id INTEGER NOT NULL PRIMARY KEY,
    kept_customer_id INTEGER NOT NULL REFERENCES customer (id),
    merged_customer_id INTEGER NOT NULL REFERENCES customer (id),
    rule TEXT NOT NULL,                  -- hand phone unionid visitor
    fields_enc BLOB NOT NULL,            -- JSON: each field it changed, before and after; records that moved along
    staff_id INTEGER,
    merged_ms INTEGER NOT NULL,
    undone_ms INTEGER,
    undone_staff_id INTEGER
) STRICT;
CREATE INDEX customer_merge_by_kept ON customer_merge (kept_customer_id, id);
CREATE INDEX customer_merge_by_merged ON customer_merge (merged_customer_id, id);

-- Likely the same person, found by a job; decided by people.
CREATE TABLE duplicate (
    low_customer_id INTEGER NOT NULL REFERENCES customer (id),
    high_customer_id INTEGER NOT NULL REFERENCES customer (id),
    reason TEXT NOT NULL,                -- name_phone name_birth name_address email_name
    score_ppm INTEGER NOT NULL,
    status TEXT NOT NULL,                -- open merged dismissed
    found_ms INTEGER NOT NULL,
    PRIMARY KEY (low_customer_id, high_customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX duplicate_by_score ON duplicate (status, score_ppm);
CREATE INDEX duplicate_by_high ON duplicate (high_customer_id);

-- ---- privacy ---------------------------------------------------------------------------------------
-- What people agree to; a text never changes, a new version is a new row.
CREATE TABLE consent_text (
    id INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,               -- privacy marketing profiling transfer minor
    version_number INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (purpose, version_number)
) STRICT;
CREATE TABLE consent (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    consent_text_id INTEGER NOT NULL REFERENCES consent_text (id),
    source TEXT NOT NULL,                -- h5 mini store phone paper import
    given_ms INTEGER NOT NULL,
    staff_id INTEGER,
    withdrawn_ms INTEGER,
    withdrawn_source TEXT,
    withdrawn_staff_id INTEGER
) STRICT;
CREATE INDEX consent_by_customer ON consent (customer_id, id);
CREATE INDEX consent_by_text ON consent (consent_text_id);

-- Export or deletion of one person's data, with its receipt. Holds no personal data; stays after a deletion.
CREATE TABLE privacy_request (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                  -- export delete
    customer_id INTEGER NOT NULL,
    customer_number INTEGER NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,                -- running done failed
    receipt TEXT NOT NULL,               -- JSON: what was found and erased, table by table
    staff_id INTEGER,
    job_id INTEGER,                      -- the job that makes the file, or finishes the deletion
    asked_ms INTEGER NOT NULL,
    done_ms INTEGER
) STRICT;
CREATE INDEX privacy_request_by_customer ON privacy_request (customer_id, id);
-- How often a colleague had personal data shown within the hour (hours since 1970).
CREATE TABLE reveal_window (
    staff_id INTEGER NOT NULL PRIMARY KEY,
    hour_number INTEGER NOT NULL,
    used_count INTEGER NOT NULL
) STRICT;

-- ---- work on many -----------------------------------------------------------------------------------
-- A list's filters, order and columns under a name.
CREATE TABLE list_view (
    id INTEGER NOT NULL PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    page TEXT NOT NULL,
    name TEXT NOT NULL,
    ask TEXT NOT NULL,                   -- JSON: filters, sort, columns
    is_shared INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX list_view_by_staff ON list_view (staff_id, page);

-- Long work beside the requests, a page a commit, resumed where it was after a restart.
CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,                -- waiting running done cancelled failed undoing undone
    input TEXT NOT NULL,                 -- JSON; no personal data
    result TEXT NOT NULL,                -- JSON
    error_code TEXT,
    error_message TEXT,
    file_name TEXT,                      -- in DATA/exports: what it made
    total_count INTEGER,                 -- none: not known yet
    done_count INTEGER NOT NULL,
    changed_count INTEGER NOT NULL,
    failed_count INTEGER NOT NULL,
    last_id INTEGER NOT NULL,            -- resume behind it
    staff_id INTEGER,                    -- for whom: it has that person's rights and reach
    is_cancelled INTEGER NOT NULL,       -- asked to stop
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;
CREATE INDEX job_by_status ON job (status, id);
CREATE INDEX job_by_staff ON job (staff_id, id);
-- Its subjects, fixed when it began, and what undo needs.
CREATE TABLE job_item (
    job_id INTEGER NOT NULL REFERENCES job (id),
    subject_id INTEGER NOT NULL,
    was TEXT,                            -- JSON: what stood there before
    is_changed INTEGER NOT NULL,
    PRIMARY KEY (job_id, subject_id)
) STRICT, WITHOUT ROWID;

-- By what a customer is known: openid:APP unionid external_userid phone email member_no shop:SOURCE anonymous
CREATE TABLE identity (
    kind TEXT NOT NULL,
    value_hash BLOB NOT NULL,             -- keyed hash
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    value_enc BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, value_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_by_customer ON identity (customer_id);

-- Tags of a group belong together; in an exclusive one a customer has at most one.
CREATE TABLE tag_group (
    id INTEGER NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    name TEXT NOT NULL,
    is_exclusive INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (family, name)
) STRICT;
CREATE TABLE tag (
    id INTEGER NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,                 -- channel identity intent activity spending (渠道 身份 意向 活跃 消费)
    name TEXT NOT NULL,
    color TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    group_id INTEGER REFERENCES tag_group (id),
    UNIQUE (family, name)
) STRICT;
CREATE INDEX tag_by_group ON tag (group_id);
CREATE TABLE customer_tag (
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    tag_id INTEGER NOT NULL REFERENCES tag (id),
    staff_id INTEGER,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (customer_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_tag_by_tag ON customer_tag (tag_id, customer_id);

-- ---- products and orders -------------------------------------------------------------------------
CREATE TABLE product (
    id INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- An order of this or another shop. Always: the sums equal the lines'; is_counted as written at kit of order.c.
CREATE TABLE shop_order (
    id INTEGER NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    order_no TEXT NOT NULL,
    kind TEXT NOT NULL,                   -- sale | cancellation (a document of its own that takes back)
    status TEXT NOT NULL,                 -- paid | cancelled | refunded
    customer_id INTEGER REFERENCES customer (id),   -- none: a guest
    channel_id INTEGER REFERENCES channel (id),
    placed_ms INTEGER NOT NULL,           -- the earliest time its lines carry
    is_counted INTEGER NOT NULL,          -- a sale, not cancelled, with a line of quantity > 0 and price > 0
    paid_fen INTEGER NOT NULL,            -- sum of the lines with quantity > 0 and price > 0
    net_fen INTEGER NOT NULL,             -- sum of all lines
    refunded_fen INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    sale_line_count INTEGER NOT NULL,     -- lines with quantity > 0 and price > 0
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    cancel_reason TEXT,
    UNIQUE (source, order_no)
) STRICT;
CREATE INDEX shop_order_by_customer ON shop_order (customer_id, placed_ms, is_counted, paid_fen); -- insight reads only the index
CREATE INDEX shop_order_by_time ON shop_order (placed_ms);

CREATE TABLE order_line (
    order_id INTEGER NOT NULL REFERENCES shop_order (id),
    line_seq INTEGER NOT NULL,            -- ordinal within the order, from 1
    product_id INTEGER NOT NULL REFERENCES product (id),
    quantity_count INTEGER NOT NULL,
    unit_price_micro INTEGER NOT NULL,    -- millionths of the currency's major unit, as the source writes it
    amount_fen INTEGER NOT NULL,          -- quantity x price, half away from zero to the minor unit
    placed_ms INTEGER NOT NULL,           -- as its row says; the order has the earliest
    product_name TEXT,                    -- as its row says, where that is not the product's name
    PRIMARY KEY (order_id, line_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE refund (
    id INTEGER NOT NULL PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES shop_order (id),
    source TEXT NOT NULL,
    refund_no TEXT NOT NULL,
    refunded_ms INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (source, refund_no)
) STRICT;
CREATE INDEX refund_by_order ON refund (order_id);

-- ---- events ----------------------------------------------------------------------------------------
-- Append-only. The id is time-ordered, so a month of arrival is one range of ids.
CREATE TABLE journal (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                   -- a row of the event registry
    occurred_ms INTEGER NOT NULL,
    arrived_ms INTEGER NOT NULL,
    customer_id INTEGER,
    channel_id INTEGER,
    subject_id INTEGER,                   -- what it is about (order, tag, channel ...), by kind
    amount_fen INTEGER,
    properties TEXT                       -- JSON object; no personal data
) STRICT;
CREATE INDEX journal_by_customer ON journal (customer_id, occurred_ms);

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

-- Message ids seen in the last seven days.
CREATE TABLE message (
    message_hash BLOB NOT NULL PRIMARY KEY,
    arrived_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_by_arrival ON message (arrived_ms);

-- ---- imports ---------------------------------------------------------------------------------------
CREATE TABLE import_run (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                   -- customers orders events costs
    file_name TEXT NOT NULL,
    content_hash BLOB NOT NULL,           -- of the file
    mapping TEXT NOT NULL,                -- JSON, as used
    status TEXT NOT NULL,                 -- ready waiting running done failed cancelled undoing undone
    line_count INTEGER NOT NULL,          -- records read and committed: resume behind them
    accepted_count INTEGER NOT NULL,
    rejected_count INTEGER NOT NULL,
    changed_count INTEGER NOT NULL,       -- accepted rows that changed something
    started_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    staff_id INTEGER,                     -- none: the command line
    is_dry INTEGER NOT NULL DEFAULT 0,    -- tried only: nothing was kept
    total_count INTEGER,                  -- records in the file, once known
    undone_ms INTEGER,
    error_code TEXT,
    error_message TEXT,
    upload_bytes INTEGER,                 -- of the file in DATA/uploads; none: the command line's own file
    header_hash BLOB                      -- of its header: mappings are offered again for the like
) STRICT;
CREATE INDEX import_run_by_start ON import_run (started_ms);
-- What a run made or changed, in order, so that the whole can be undone.
CREATE TABLE import_effect (
    import_id INTEGER NOT NULL REFERENCES import_run (id),
    effect_seq INTEGER NOT NULL,
    noun TEXT NOT NULL,                   -- a page's customers (made), changes (of customers), orders, costs
    subject_id INTEGER NOT NULL,          -- how many
    before_enc BLOB,                      -- which, and what stood there before
    PRIMARY KEY (import_id, effect_seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE import_reject (
    import_id INTEGER NOT NULL REFERENCES import_run (id),
    line_seq INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw_enc BLOB NOT NULL,                -- the record as CSV, sealed; deleted with the run's file after 30 days
    PRIMARY KEY (import_id, line_seq)
) STRICT, WITHOUT ROWID;

-- ---- the ledger ------------------------------------------------------------------------------------
-- Double entry. Always: the balances of a unit sum to zero; a balance is the sum of its postings; no balance is
-- below its floor. Written by kit/ledger alone.
CREATE TABLE account (
    id INTEGER NOT NULL PRIMARY KEY,
    owner_kind TEXT NOT NULL,             -- customer staff campaign reward system
    owner_id INTEGER NOT NULL,            -- 0: the system's
    unit TEXT NOT NULL,                   -- fen points growth pieces chances seats
    bucket TEXT NOT NULL,                 -- available pending frozen debt budget issued expired forfeited in_transit external
    scope_id INTEGER NOT NULL,            -- the campaign it counts for; 0: the brand as a whole
    balance_count INTEGER NOT NULL,       -- in units
    floor_count INTEGER,                  -- never below; none: may go as far down as it likes
    posting_count INTEGER NOT NULL,       -- so far; the ordinal of the newest
    last_transfer_id INTEGER,             -- the newest: a statement goes back from there
    has_lots INTEGER NOT NULL,            -- what comes in ends by a date
    created_ms INTEGER NOT NULL,
    UNIQUE (owner_kind, owner_id, unit, bucket, scope_id),
    CHECK (floor_count IS NULL OR balance_count >= floor_count)
) STRICT;
CREATE INDEX account_by_bucket ON account (owner_kind, bucket, owner_id, id);
-- One posting out of an account and into another, append-only. Each account's postings are chained by the previous one's
-- id, so that no index by account grows with the base. No foreign keys: both accounts were changed a statement before.
CREATE TABLE transfer (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                   -- what for: "order_points"
    key_id INTEGER NOT NULL,              -- of what: the order's id
    leg_number INTEGER NOT NULL,          -- several of one (kind, key)
    from_account_id INTEGER NOT NULL,
    to_account_id INTEGER NOT NULL,
    amount_count INTEGER NOT NULL CHECK (amount_count > 0),
    from_balance_count INTEGER NOT NULL,  -- after it
    to_balance_count INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,            -- its ordinal among the account's postings
    to_seq INTEGER NOT NULL,
    from_previous_id INTEGER,             -- the posting before, of that account
    to_previous_id INTEGER,
    reverses_id INTEGER,                  -- the transfer it takes back, in whole or in part
    reversed_count INTEGER NOT NULL DEFAULT 0,  -- how much of this one was taken back
    staff_id INTEGER,                     -- by hand
    reason TEXT,
    at_ms INTEGER NOT NULL,
    UNIQUE (kind, key_id, leg_number)
) STRICT;
CREATE INDEX transfer_reversals ON transfer (reverses_id, id) WHERE reverses_id IS NOT NULL;
-- Reserved: lies in the frozen account until posted, voided or out of time.
CREATE TABLE hold (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    leg_number INTEGER NOT NULL,
    from_account_id INTEGER NOT NULL,     -- where it came from and goes back to
    frozen_account_id INTEGER NOT NULL,   -- where it lies
    to_account_id INTEGER NOT NULL,       -- where it goes when posted
    amount_count INTEGER NOT NULL,
    posted_count INTEGER NOT NULL,
    status TEXT NOT NULL,                 -- held posted voided expired
    until_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (kind, key_id, leg_number)
) STRICT;
CREATE INDEX hold_open ON hold (until_ms) WHERE status = 'held';
-- What came in with an end: spent oldest end first.
CREATE TABLE lot (
    account_id INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    transfer_id INTEGER NOT NULL,         -- it came in by
    amount_count INTEGER NOT NULL,
    left_count INTEGER NOT NULL CHECK (left_count >= 0),
    PRIMARY KEY (account_id, expires_ms, transfer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lot_by_end ON lot (expires_ms) WHERE left_count > 0;
CREATE INDEX lot_open ON lot (account_id, expires_ms, transfer_id, left_count) WHERE left_count > 0;
-- From which lots a transfer took: a reversal puts back there.
CREATE TABLE lot_use (
    transfer_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    lot_transfer_id INTEGER NOT NULL,
    amount_count INTEGER NOT NULL,
    returned_count INTEGER NOT NULL,
    PRIMARY KEY (transfer_id, account_id, expires_ms, lot_transfer_id)
) STRICT, WITHOUT ROWID;
-- A reversal by hand above the set amount: one asks, another agrees.
CREATE TABLE reversal (
    id INTEGER NOT NULL PRIMARY KEY,
    transfer_id INTEGER NOT NULL,
    amount_count INTEGER NOT NULL,
    policy TEXT NOT NULL,                 -- only_pending up_to_balance create_debt
    reason TEXT NOT NULL,
    status TEXT NOT NULL,                 -- asked done refused
    asked_staff_id INTEGER NOT NULL,
    asked_ms INTEGER NOT NULL,
    decided_staff_id INTEGER,
    decided_ms INTEGER,
    decided_words TEXT,
    taken_count INTEGER,                  -- came back at once; none: not carried out
    debt_count INTEGER                    -- became debt
) STRICT;
CREATE INDEX reversal_open ON reversal (asked_ms) WHERE status = 'asked';
CREATE INDEX reversal_of ON reversal (transfer_id, id);

-- Windowed limits: so many of something for one subject within a day, a week, a campaign.
CREATE TABLE counter (
    name TEXT NOT NULL,                   -- "draw", "send_week"
    scope_id INTEGER NOT NULL,            -- campaign; 0: the brand
    subject_id INTEGER NOT NULL,          -- the person
    window_seq INTEGER NOT NULL,          -- local day, first day of the week or month; 0: no window
    reserved_count INTEGER NOT NULL,
    used_count INTEGER NOT NULL,
    forget_ms INTEGER,                    -- the row may go then; none: stays
    PRIMARY KEY (name, scope_id, subject_id, window_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_by_end ON counter (forget_ms) WHERE forget_ms IS NOT NULL;
CREATE TABLE counter_hold (
    kind TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    scope_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    window_seq INTEGER NOT NULL,
    amount_count INTEGER NOT NULL,
    status TEXT NOT NULL,                 -- held used released expired
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_hold_open ON counter_hold (until_ms) WHERE status = 'held';
CREATE INDEX counter_hold_over ON counter_hold (until_ms) WHERE status <> 'held';

-- ---- timers ----------------------------------------------------------------------------------------
-- What must happen later. Its work and its end are one transaction, so it happens once.
CREATE TABLE timer (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    key_id INTEGER NOT NULL,              -- one timer of a kind for each
    due_ms INTEGER NOT NULL,
    status TEXT NOT NULL,                 -- waiting dead
    attempt_count INTEGER NOT NULL,       -- that failed
    input TEXT,                           -- JSON, no personal data
    error_code TEXT,
    error_message TEXT,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (kind, key_id)
) STRICT;
CREATE INDEX timer_due ON timer (due_ms, id) WHERE status = 'waiting';
CREATE INDEX timer_dead ON timer (changed_ms, id) WHERE status = 'dead';

-- Which node does what only one may do: drains timers, sends, evaluates.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    node_id INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE node (
    id INTEGER NOT NULL PRIMARY KEY,      -- 0..255, in every id it gives out
    name TEXT NOT NULL,                   -- host and process
    started_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL             -- the lease of its number
) STRICT;

-- ---- inbox, outbox, saga ---------------------------------------------------------------------------
-- What came from outside: stored and answered at once, worked on behind. Seven days.
CREATE TABLE inbox (
    id INTEGER NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    message_hash BLOB NOT NULL,           -- of the sender's own key: a duplicate is a conflict
    kind TEXT NOT NULL,
    body_enc BLOB,                        -- gone once worked on
    status TEXT NOT NULL,                 -- new done dead
    attempt_count INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    error_message TEXT,
    arrived_ms INTEGER NOT NULL,
    UNIQUE (source, message_hash)
) STRICT;
CREATE INDEX inbox_open ON inbox (due_ms) WHERE status = 'new';
CREATE INDEX inbox_dead ON inbox (arrived_ms) WHERE status = 'dead';
-- What must leave, a queue for each destination. The key makes a repeat harmless; rows with one order_id leave one after another.
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                   -- a row of the table of outbox kinds
    key_id INTEGER NOT NULL,              -- of what: one message of a kind for each
    order_id INTEGER,                     -- whose messages keep their order: the customer; none: any
    customer_id INTEGER,                  -- whom it is about; none: nobody
    destination TEXT NOT NULL,            -- whose quota it counts against
    status TEXT NOT NULL,                 -- waiting sent dead cancelled
    due_ms INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    status_count INTEGER,                 -- the last answer's HTTP status
    error_message TEXT,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (kind, key_id)
) STRICT;
CREATE INDEX outbox_due ON outbox (destination, due_ms, id) WHERE status = 'waiting';
CREATE INDEX outbox_ordered ON outbox (destination, order_id, id) WHERE status = 'waiting' AND order_id IS NOT NULL;
CREATE INDEX outbox_open ON outbox (status, id) WHERE status IN ('waiting', 'dead');
CREATE INDEX outbox_webhook ON outbox (destination, id) WHERE kind = 'webhook';
CREATE INDEX outbox_webhook_dead ON outbox (destination, id) WHERE kind = 'webhook' AND status = 'dead';
-- Its text, erasable by itself.
CREATE TABLE outbox_body (
    outbox_id INTEGER NOT NULL PRIMARY KEY,
    body_enc BLOB NOT NULL
) STRICT;
-- Where messages go: an address of the brand's own choosing.
CREATE TABLE webhook (
    id INTEGER NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,                  -- blank-separated event kinds; "*": all facts
    secret_enc BLOB NOT NULL,             -- signs the body
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    journal_id INTEGER NOT NULL,          -- told up to here
    old_secret_enc BLOB,                  -- the one before: signs too, for a while
    old_until_ms INTEGER
) STRICT;
-- Money outside: our own number, repeated with it, asked about before it is sent again.
CREATE TABLE saga (
    id INTEGER NOT NULL PRIMARY KEY,      -- our own number
    kind TEXT NOT NULL,                   -- a row of the table of saga kinds: refund payout
    key_id INTEGER NOT NULL,              -- for what: one saga of a kind for each
    customer_id INTEGER,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    status TEXT NOT NULL,                 -- created sent accepted succeeded failed unknown
    outside_no TEXT,                      -- the other side's number
    attempt_count INTEGER NOT NULL,
    due_ms INTEGER,                       -- when it is looked at next; none: over
    bill_day INTEGER,                     -- the other side's bill that names it; none: not yet
    error_message TEXT,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (kind, key_id)
) STRICT;
CREATE INDEX saga_due ON saga (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX saga_by_status ON saga (status, changed_ms);
-- What our books and the other side's bill of a day do not agree about.
CREATE TABLE bill_difference (
    id INTEGER NOT NULL PRIMARY KEY,
    saga_kind TEXT NOT NULL,
    bill_day INTEGER NOT NULL,
    saga_id INTEGER,                      -- none: only the other side has it
    outside_no TEXT,
    kind TEXT NOT NULL,                   -- only_ours only_theirs twice amount status
    ours_fen INTEGER,
    theirs_fen INTEGER,
    found_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    closed_staff_id INTEGER,
    closed_words TEXT,
    UNIQUE (saga_kind, bill_day, kind, saga_id, outside_no)
) STRICT;

-- ---- campaigns and rewards -------------------------------------------------------------------------
CREATE TABLE campaign (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                   -- a row of the table of plays
    title TEXT NOT NULL,
    status TEXT NOT NULL,                 -- draft in_review scheduled running paused ended settling settled archived cancelled terminated
    version_number INTEGER NOT NULL,      -- in force
    zone TEXT NOT NULL,
    day_start_minutes_count INTEGER NOT NULL,  -- its business day begins so many minutes after midnight
    starts_ms INTEGER,
    ends_ms INTEGER,
    participant_count INTEGER NOT NULL,
    staff_id INTEGER,                     -- made it
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX campaign_by_change ON campaign (changed_ms);
-- The rules; never changed. A participant is bound to the version at entry.
CREATE TABLE campaign_version (
    campaign_id INTEGER NOT NULL REFERENCES campaign (id),
    version_number INTEGER NOT NULL,
    title TEXT NOT NULL,                  -- what was promised with them: the name and the time
    starts_ms INTEGER,
    ends_ms INTEGER,
    rules TEXT NOT NULL,                  -- JSON by the play's shape
    staff_id INTEGER,
    reason TEXT,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, version_number)
) STRICT, WITHOUT ROWID;
CREATE TABLE campaign_step (              -- every change of its state
    id INTEGER NOT NULL PRIMARY KEY,
    campaign_id INTEGER NOT NULL REFERENCES campaign (id),
    from_status TEXT NOT NULL,
    to_status TEXT NOT NULL,
    staff_id INTEGER,
    reason TEXT,
    at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX campaign_step_of ON campaign_step (campaign_id, at_ms);
-- A check of the preflight passed over, by whom and why.
CREATE TABLE campaign_override (
    campaign_id INTEGER NOT NULL REFERENCES campaign (id),
    version_number INTEGER NOT NULL,
    check_name TEXT NOT NULL,
    staff_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, version_number, check_name)
) STRICT, WITHOUT ROWID;
CREATE TABLE participant (
    campaign_id INTEGER NOT NULL REFERENCES campaign (id),
    customer_id INTEGER NOT NULL,
    version_number INTEGER NOT NULL,
    entered_ms INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, customer_id)
) STRICT, WITHOUT ROWID;
-- One thing promised to one person.
CREATE TABLE reward_grant (
    id INTEGER NOT NULL PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    kind TEXT NOT NULL,                   -- a row of the table of granters: points growth chances
    key_kind TEXT NOT NULL,               -- for what, once: "giveaway_claim", its id
    key_id INTEGER NOT NULL,
    amount_count INTEGER NOT NULL,
    revoked_count INTEGER NOT NULL,       -- so much of it was taken back
    status TEXT NOT NULL,                 -- held reserved granted claimed fulfilling delivered expired forfeited revoked failed
    risk_reason TEXT,                     -- why it is or was held: a rule of play/risk.c and its figure
    decided_staff_id INTEGER,             -- who decided about what was held
    decided_reason TEXT,
    expires_ms INTEGER,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (campaign_id, key_kind, key_id)
) STRICT;
CREATE INDEX reward_by_customer ON reward_grant (customer_id, id);
CREATE INDEX reward_of_campaign ON reward_grant (campaign_id, id);
CREATE INDEX reward_held ON reward_grant (changed_ms) WHERE status = 'held';
-- What the risk gate saw of a device, a payer, an address, a person: by keyed hash, for its window.
CREATE TABLE risk_sign (
    sign_kind TEXT NOT NULL,              -- device payer address
    sign_hash BLOB NOT NULL,
    campaign_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (sign_kind, sign_hash, campaign_id, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX risk_sign_by_time ON risk_sign (seen_ms);

-- ---- the audience ----------------------------------------------------------------------------
-- ---- segments ---------------------------------------------------------------------------------
-- Who is meant, under a name: a live one is a query that is kept current, a static one a list of its moment.
CREATE TABLE segment (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    about TEXT NOT NULL,
    kind TEXT NOT NULL,                  -- live static
    state TEXT NOT NULL,                 -- filling live; refused: its names are gone; slow large: what it hangs on took too much
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

-- ---- names ------------------------------------------------------------------------------------
-- By which numbers the engine knows what is a text or a long id. Written before an event that uses one; for ever.
CREATE TABLE engine_name (
    noun TEXT NOT NULL,                  -- kind channel, or the column whose texts these are
    code_number INTEGER NOT NULL,        -- from 0, without gaps
    name TEXT NOT NULL,
    PRIMARY KEY (noun, code_number),
    UNIQUE (noun, name)
) STRICT, WITHOUT ROWID;
