-- The console a team works in: organisation, roles, keys, audit, profiles, privacy, jobs, views.

-- ---- people who work here ---------------------------------------------------------------------
CREATE TABLE org (
    id INTEGER NOT NULL PRIMARY KEY,
    parent_id INTEGER REFERENCES org (id),
    kind TEXT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX org_by_parent ON org (parent_id);
CREATE INDEX org_by_path ON org (path);

CREATE TABLE role (
    name TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    permissions TEXT NOT NULL,
    scope TEXT NOT NULL,
    is_builtin INTEGER NOT NULL,
    version_count INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

ALTER TABLE staff ADD COLUMN org_id INTEGER REFERENCES org (id);
ALTER TABLE staff ADD COLUMN totp_enc BLOB;
ALTER TABLE staff ADD COLUMN totp_step_number INTEGER;
CREATE INDEX staff_by_org ON staff (org_id);

CREATE TABLE recovery_code (
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    code_hash BLOB NOT NULL,
    used_ms INTEGER,
    PRIMARY KEY (staff_id, code_hash)
) STRICT, WITHOUT ROWID;

-- One-time links with which a colleague sets the own password: an invitation, or after a loss.
CREATE TABLE staff_link (
    token_hash BLOB NOT NULL PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX staff_link_by_staff ON staff_link (staff_id);

ALTER TABLE session ADD COLUMN id INTEGER;
ALTER TABLE session ADD COLUMN agent TEXT;
ALTER TABLE session ADD COLUMN peer TEXT;
ALTER TABLE session ADD COLUMN seen_ms INTEGER;
CREATE UNIQUE INDEX session_by_id ON session (id);

CREATE TABLE api_key (
    id INTEGER NOT NULL PRIMARY KEY,
    key_hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    used_ms INTEGER,
    revoked_ms INTEGER
) STRICT;

CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    staff_id INTEGER,
    api_key_id INTEGER,
    action TEXT NOT NULL,
    noun TEXT NOT NULL,
    subject_id INTEGER,
    peer TEXT NOT NULL,
    detail_hash BLOB NOT NULL,
    previous_hash BLOB NOT NULL,
    row_hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_staff ON audit (staff_id, id);
CREATE INDEX audit_by_subject ON audit (noun, subject_id, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE TABLE audit_detail (
    audit_id INTEGER NOT NULL PRIMARY KEY,
    salt_blob BLOB NOT NULL,
    detail TEXT NOT NULL
) STRICT;

-- ---- customers ------------------------------------------------------------------------------------
ALTER TABLE customer ADD COLUMN merged_into_id INTEGER REFERENCES customer (id);
ALTER TABLE customer ADD COLUMN birth_day INTEGER;
ALTER TABLE customer ADD COLUMN child_birth_day INTEGER;
ALTER TABLE customer ADD COLUMN owner_staff_id INTEGER REFERENCES staff (id);
ALTER TABLE customer ADD COLUMN org_id INTEGER REFERENCES org (id);
ALTER TABLE customer ADD COLUMN blocked_ms INTEGER;
ALTER TABLE customer ADD COLUMN address_enc BLOB;
CREATE INDEX customer_by_merge ON customer (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX customer_by_deletion ON customer (deleted_ms) WHERE deleted_ms IS NOT NULL;
CREATE INDEX customer_by_owner ON customer (owner_staff_id, touched_ms);
CREATE INDEX customer_by_org ON customer (org_id, touched_ms);
-- It begins like the filter's and holds less.
DROP INDEX customer_by_touched;
CREATE INDEX customer_by_filter ON customer (touched_ms, id, deleted_ms, merged_into_id, order_count,
    last_order_ms, channel_id, owner_staff_id, org_id, added_ms, action_day, is_family, invited_count,
    invited_by_customer_id, first_order_ms, paid_fen, child_birth_day, blocked_ms);

CREATE TABLE child (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    birth_day INTEGER NOT NULL,
    name_enc BLOB,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX child_by_customer ON child (customer_id);

CREATE TABLE attribute (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    choices TEXT NOT NULL,
    place_number INTEGER NOT NULL,
    is_archived INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE tag_group (
    id INTEGER NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    name TEXT NOT NULL,
    is_exclusive INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (family, name)
) STRICT;
ALTER TABLE tag ADD COLUMN group_id INTEGER REFERENCES tag_group (id);
CREATE INDEX tag_by_group ON tag (group_id);

CREATE TABLE customer_note (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    staff_id INTEGER,
    text_enc BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX customer_note_by_customer ON customer_note (customer_id, id);

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

CREATE TABLE relation (
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    source TEXT NOT NULL,
    remark_enc BLOB,
    added_ms INTEGER,
    lost_ms INTEGER,
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

CREATE TABLE customer_merge (
    id INTEGER NOT NULL PRIMARY KEY,
    kept_customer_id INTEGER NOT NULL REFERENCES customer (id),
    merged_customer_id INTEGER NOT NULL REFERENCES customer (id),
    rule TEXT NOT NULL,
    fields_enc BLOB NOT NULL,
    staff_id INTEGER,
    merged_ms INTEGER NOT NULL,
    undone_ms INTEGER,
    undone_staff_id INTEGER
) STRICT;
CREATE INDEX customer_merge_by_kept ON customer_merge (kept_customer_id, id);
CREATE INDEX customer_merge_by_merged ON customer_merge (merged_customer_id, id);

CREATE TABLE duplicate (
    low_customer_id INTEGER NOT NULL REFERENCES customer (id),
    high_customer_id INTEGER NOT NULL REFERENCES customer (id),
    reason TEXT NOT NULL,
    score_ppm INTEGER NOT NULL,
    status TEXT NOT NULL,
    found_ms INTEGER NOT NULL,
    PRIMARY KEY (low_customer_id, high_customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX duplicate_by_score ON duplicate (status, score_ppm);
CREATE INDEX duplicate_by_high ON duplicate (high_customer_id);

-- ---- privacy ---------------------------------------------------------------------------------------
CREATE TABLE consent_text (
    id INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
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
    source TEXT NOT NULL,
    given_ms INTEGER NOT NULL,
    staff_id INTEGER,
    withdrawn_ms INTEGER,
    withdrawn_source TEXT,
    withdrawn_staff_id INTEGER
) STRICT;
CREATE INDEX consent_by_customer ON consent (customer_id, id);
CREATE INDEX consent_by_text ON consent (consent_text_id);

CREATE TABLE privacy_request (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    customer_number INTEGER NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    receipt TEXT NOT NULL,
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
CREATE TABLE list_view (
    id INTEGER NOT NULL PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id),
    page TEXT NOT NULL,
    name TEXT NOT NULL,
    ask TEXT NOT NULL,
    is_shared INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX list_view_by_staff ON list_view (staff_id, page);

CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    input TEXT NOT NULL,
    result TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    file_name TEXT,
    total_count INTEGER,
    done_count INTEGER NOT NULL,
    changed_count INTEGER NOT NULL,
    failed_count INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    staff_id INTEGER,
    is_cancelled INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    ended_ms INTEGER
) STRICT;
CREATE INDEX job_by_status ON job (status, id);
CREATE INDEX job_by_staff ON job (staff_id, id);
CREATE TABLE job_item (
    job_id INTEGER NOT NULL REFERENCES job (id),
    subject_id INTEGER NOT NULL,
    was TEXT,
    is_changed INTEGER NOT NULL,
    PRIMARY KEY (job_id, subject_id)
) STRICT, WITHOUT ROWID;

-- ---- settings, imports -------------------------------------------------------------------------------
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
INSERT INTO setting_version (name, version_number, value, reason, staff_id, changed_ms)
SELECT name, version_count, value, 'set before versions were kept', staff_id, changed_ms FROM setting;

ALTER TABLE import_run ADD COLUMN staff_id INTEGER;
ALTER TABLE import_run ADD COLUMN is_dry INTEGER NOT NULL DEFAULT 0;
ALTER TABLE import_run ADD COLUMN total_count INTEGER;
ALTER TABLE import_run ADD COLUMN undone_ms INTEGER;
ALTER TABLE import_run ADD COLUMN error_code TEXT;
ALTER TABLE import_run ADD COLUMN error_message TEXT;
ALTER TABLE import_run ADD COLUMN upload_bytes INTEGER;
ALTER TABLE import_run ADD COLUMN header_hash BLOB;
CREATE TABLE import_effect (
    import_id INTEGER NOT NULL REFERENCES import_run (id),
    effect_seq INTEGER NOT NULL,
    noun TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    before_enc BLOB,
    PRIMARY KEY (import_id, effect_seq)
) STRICT, WITHOUT ROWID;
