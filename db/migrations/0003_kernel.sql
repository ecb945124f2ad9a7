-- The kernel: ledger, counters, timers, inbox and outbox, sagas, campaigns, rewards.
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
    journal_id INTEGER NOT NULL           -- told up to here
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
