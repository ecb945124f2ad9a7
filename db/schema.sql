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

-- ---- people who work here ---------------------------------------------------------------------
CREATE TABLE staff (
    id INTEGER NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,          -- lower case
    name TEXT NOT NULL,
    role TEXT NOT NULL,                  -- admin | operator | viewer
    password TEXT NOT NULL,              -- argon2id
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    password_ms INTEGER NOT NULL         -- sessions older than this are over
) STRICT;

CREATE TABLE session (
    token_hash BLOB NOT NULL PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    csrf TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_staff ON session (staff_id);
CREATE INDEX session_by_expiry ON session (expires_ms);

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
    deleted_ms INTEGER
) STRICT;
CREATE INDEX customer_by_touched ON customer (touched_ms, id);
CREATE INDEX customer_by_last_order ON customer (last_order_ms, id);
CREATE INDEX customer_by_paid ON customer (paid_fen, id);
CREATE INDEX customer_by_orders ON customer (order_count, id);
CREATE INDEX customer_by_channel ON customer (channel_id, touched_ms);
CREATE INDEX customer_by_inviter ON customer (invited_by_customer_id);

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

CREATE TABLE tag (
    id INTEGER NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,                 -- channel identity intent activity spending (渠道 身份 意向 活跃 消费)
    name TEXT NOT NULL,
    color TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (family, name)
) STRICT;
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
    status TEXT NOT NULL,                 -- running done failed
    line_count INTEGER NOT NULL,          -- records read and committed: resume behind them
    accepted_count INTEGER NOT NULL,
    rejected_count INTEGER NOT NULL,
    changed_count INTEGER NOT NULL,       -- accepted rows that changed something
    started_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX import_run_by_start ON import_run (started_ms);
CREATE TABLE import_reject (
    import_id INTEGER NOT NULL REFERENCES import_run (id),
    line_seq INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    raw_enc BLOB NOT NULL,                -- the record as CSV, sealed; deleted with the run's file after 30 days
    PRIMARY KEY (import_id, line_seq)
) STRICT, WITHOUT ROWID;
