/* Rotation of the keys: a durable job that seals every *_enc column, or hashes every identity,
 * anew, a page a commit. Always: events, imports and edits go on meanwhile, whatever is written is
 * written with the new key; a restart goes on behind the last page; the old key leaves the key file
 * only after all pages are committed and nothing is left that needs it. A backup made before needs
 * the key file of its time. */
#include "gen/rotate.q.h"
#include "kit/audit.h"
#include "kit/key.h"
#include "manage/privacy/privacy_private.h"
#include "manage/setting/setting.h"

#define PAGE 500

/* Where a rotation is: a column's place in the table below, and behind which row. */
struct place {
    int64_t column_number, first_id, second_id;
    int64_t seen_count, changed_count; /* of this page */
    bool is_column_done;
};

static enum err anew(struct ctx *c, struct place *place, struct str *sealed, const char *noun,
                     int64_t id)
{
    struct str text;

    if (key_is_current(c, *sealed))
        return OK;
    TRY(ctx_unseal(c, *sealed, noun, id, &text));
    *sealed = ctx_seal(c, text, noun, id);
    place->changed_count++;
    return OK;
}

/* ---- columns of their own table -------------------------------------------------------------- */

/* clang-format off */
#define ROTATE_COLUMN(name, noun)                                                                  \
    static enum err name##_page(struct ctx *c, struct place *place)                                \
    {                                                                                              \
        struct q_rotate_##name##_set_in *set;                                                      \
        const struct q_rotate_##name##_row *row;                                                   \
        struct list rows;                                                                          \
        int64_t count = 0;                                                                         \
                                                                                                   \
        TRY(q_rotate_##name(c, place->first_id, place->second_id, PAGE, &rows));                   \
        row = rows.at;                                                                             \
        set = arena_new_array(c->arena, struct q_rotate_##name##_set_in, (size_t)rows.count + 1);  \
        for (int64_t i = 0; i < rows.count; i++) {                                                 \
            int64_t before = place->changed_count;                                                 \
            set[count].value_enc = row[i].value_enc;                                               \
            set[count].first_id = place->first_id = row[i].first_id;                               \
            set[count].second_id = place->second_id = row[i].second_id;                            \
            TRY(anew(c, place, &set[count].value_enc, noun, row[i].bound_id));                     \
            count += place->changed_count - before;                                                \
        }                                                                                          \
        place->seen_count = rows.count;                                                            \
        place->is_column_done = rows.count < PAGE;                                                 \
        return count > 0 ? q_rotate_##name##_set(c, set, count, NULL) : OK;                        \
    }
/* clang-format on */

ROTATE_COLUMN(staff, "staff")
ROTATE_COLUMN(child, "child")
ROTATE_COLUMN(note, "customer_note")
ROTATE_COLUMN(relation, "relation")
ROTATE_COLUMN(merge, "customer_merge")
ROTATE_COLUMN(effect, "import_effect")
ROTATE_COLUMN(reject, "import_reject")
ROTATE_COLUMN(inbox, "inbox")
ROTATE_COLUMN(outbox, "outbox")
ROTATE_COLUMN(webhook, "webhook")
ROTATE_COLUMN(webhook_old, "webhook")

static enum err secrets_page(struct ctx *c, struct place *place)
{
    place->is_column_done = true;
    return setting_secrets_seal(c, false, &place->changed_count);
}

/* ---- customers and identities ---------------------------------------------------------------- */

static enum err customer_page(struct ctx *c, struct place *place)
{
    const struct q_rotate_customer_row *row;
    struct q_rotate_customer_set_in *set;
    struct list rows;
    int64_t count = 0;

    TRY(q_rotate_customer(c, place->first_id, PAGE, &rows));
    row = rows.at;
    set = arena_new_array(c->arena, struct q_rotate_customer_set_in, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        struct q_rotate_customer_set_in *next = &set[count];
        int64_t before = place->changed_count;
        place->first_id = next->id = row[i].id;
        next->name_enc = row[i].name_enc;
        next->phone_enc = row[i].phone_enc;
        next->email_enc = row[i].email_enc;
        next->address_enc = row[i].address_enc;
        TRY(anew(c, place, &next->name_enc, "customer", next->id));
        TRY(anew(c, place, &next->phone_enc, "customer", next->id));
        TRY(anew(c, place, &next->email_enc, "customer", next->id));
        TRY(anew(c, place, &next->address_enc, "customer", next->id));
        count += place->changed_count > before;
    }
    place->seen_count = rows.count;
    place->is_column_done = rows.count < PAGE;
    return count > 0 ? q_rotate_customer_set(c, set, count, NULL) : OK;
}

static enum err identity_anew(struct ctx *c, struct place *place,
                              const struct q_rotate_identity_row *row,
                              struct q_rotate_identity_set_in *set)
{
    struct str value;

    *set = (struct q_rotate_identity_set_in){
        .kind = row->kind, .value_hash = row->value_hash, .value_enc = row->value_enc};
    TRY(anew(c, place, &set->value_enc, "customer", row->customer_id));
    TRY(ctx_unseal(c, row->value_enc, "customer", row->customer_id, &value));
    set->new_hash = ctx_keyed_hash(c, str_cstr(c->arena, row->kind), value);
    if (str_eq(set->value_enc, row->value_enc) && !str_eq(set->new_hash, row->value_hash))
        place->changed_count++;
    return OK;
}

/* Both kinds of rotation: an identity is sealed and hashed. Its key changes, so pages go by
 * customer. */
static enum err identity_page(struct ctx *c, struct place *place)
{
    struct q_rotate_identity_set_in *set;
    const struct q_rotate_identity_row *row;
    struct list rows;
    int64_t count = 0;

    TRY(q_rotate_identity(c, place->first_id, PAGE, &rows));
    row = rows.at;
    place->is_column_done = rows.count < PAGE;
    while (!place->is_column_done && rows.count > 0 &&
           row[rows.count - 1].customer_id == row[PAGE - 1].customer_id)
        rows.count--;
    must(place->is_column_done || rows.count > 0); /* nobody has 500 identities */
    set = arena_new_array(c->arena, struct q_rotate_identity_set_in, (size_t)rows.count + 1);
    for (int64_t i = 0; i < rows.count; i++) {
        int64_t before = place->changed_count;
        TRY(identity_anew(c, place, &row[i], &set[count]));
        count += place->changed_count - before;
        place->first_id = row[i].customer_id;
    }
    place->seen_count = rows.count;
    return count > 0 ? q_rotate_identity_set(c, set, count, NULL) : OK;
}

/* ---- the table of everything sealed ---------------------------------------------------------- */

/* A test compares the names with the schema: every *_enc column stands here. */
const struct rotate_column rotate_columns[] = {
    {"identity.value_enc", identity_page},
    {"customer.name_enc customer.phone_enc customer.email_enc customer.address_enc", customer_page},
    {"child.name_enc", child_page},
    {"customer_note.text_enc", note_page},
    {"relation.remark_enc", relation_page},
    {"customer_merge.fields_enc", merge_page},
    {"import_effect.before_enc", effect_page},
    {"import_reject.raw_enc", reject_page},
    {"inbox.body_enc", inbox_page},
    {"outbox_body.body_enc", outbox_page},
    {"webhook.secret_enc", webhook_page},
    {"webhook.old_secret_enc", webhook_old_page},
    {"staff.totp_enc", staff_page},
    {"setting.value", secrets_page}, /* of those that are secret */
    {.names = NULL},
};

enum err rotate_left(struct ctx *c, int64_t *count)
{
    uint8_t number = (uint8_t)key_number(c->app, KEY_SEAL);
    struct q_rotate_left_row row;
    int64_t secret_count;

    TRY(setting_secrets_seal(c, true, &secret_count));
    TRY(q_rotate_left(c, (struct str){(const char *)&number, 1}, &row));
    *count = row.staff_count + row.child_count + row.note_count + row.relation_count +
             row.merge_count + row.effect_count + row.reject_count + row.customer_count +
             row.identity_count + row.inbox_count + row.outbox_count + row.webhook_count +
             secret_count;
    return OK;
}

/* ---- the job --------------------------------------------------------------------------------- */

static enum key_kind kind_of(const struct job *job)
{
    return str_find(job->input, S("\"seal\"")) > 0 ? KEY_SEAL : KEY_HASH;
}

/* The base's own mark in a commit of its own, long before the old key goes. */
static enum err rotate_begin(struct ctx *c, struct job *job)
{
    struct q_rotate_total_row row;

    TRY(q_rotate_total(c, &row));
    job->total_count = kind_of(job) == KEY_SEAL ? row.seal_count : row.hash_count;
    return key_remember(c);
}

static enum err place_read(struct ctx *c, const struct job *job, struct place *place)
{
    const struct json *column, *second;
    struct json json;

    *place = (struct place){.first_id = job->last_id};
    if (json_parse(c->arena, job->result, &json, NULL) != OK)
        return OK;
    column = json_get(&json, "column_number");
    second = json_get(&json, "second_id");
    if (column != NULL && second != NULL) {
        place->column_number = column->integer;
        must(str_to_int(second->text, &place->second_id));
    }
    return OK;
}

static void place_keep(struct ctx *c, struct job *job, const struct place *place)
{
    job->last_id = place->first_id;
    job->done_count += place->seen_count;
    job->changed_count += place->changed_count;
    job->result = str_fmt(c->arena, "{\"column_number\":%" PRId64 ",\"second_id\":\"%" PRId64 "\"}",
                          place->column_number, place->second_id);
}

/* All pages are committed; what is left now would be lost with the old key. */
static enum err rotate_finish(struct ctx *c, struct job *job)
{
    int64_t left_count = 0;

    if (kind_of(job) == KEY_SEAL)
        TRY(rotate_left(c, &left_count));
    if (left_count > 0)
        return fail(c, E_CONFLICT, "key.left", "%" PRId64 " rows still need the older key",
                    left_count);
    return key_settle(c, kind_of(job));
}

static enum err rotate_step(struct ctx *c, struct job *job, bool *is_done)
{
    struct place place;

    TRY(place_read(c, job, &place));
    if (rotate_columns[place.column_number].names == NULL ||
        (kind_of(job) == KEY_HASH && place.column_number > 0)) {
        *is_done = true;
        return rotate_finish(c, job);
    }
    TRY(rotate_columns[place.column_number].page(c, &place));
    if (place.is_column_done) {
        place.column_number++;
        place.first_id = place.second_id = 0;
    }
    place_keep(c, job, &place);
    return OK;
}

const struct job_kind key_rotate_job = {
    .name = "key_rotate",
    .title_zh = "更换加密密钥",
    .title_en = "Rotation of a key",
    .begin = rotate_begin,
    .step = rotate_step,
};

/* ---- routes ---------------------------------------------------------------------------------- */

struct rotate_in {
    struct str which;
};
struct rotate_out {
    int64_t job_id;
};
static const struct field rotate_in[] = {
    IN(struct rotate_in, which, .one_of = "seal|hash",
       .about = "seal: what personal data is sealed with; hash: what it is found by"),
};
static const struct field rotate_out[] = {OUT(struct rotate_out, job_id)};

static enum err job_now(struct ctx *c, struct q_rotate_job_row *row)
{
    enum err err = q_rotate_job(c, row);

    if (err == E_NOT_FOUND)
        *row = (struct q_rotate_job_row){.id = NONE, .total_count = NONE, .status = S("done")};
    return err == E_NOT_FOUND ? OK : err;
}

/* The file comes last: a refusal before it leaves nothing behind. */
static enum err rotate_run(struct ctx *c, const void *in_, void *out_)
{
    const struct rotate_in *in = in_;
    struct rotate_out *out = out_;
    enum key_kind kind = str_is(in->which, "seal") ? KEY_SEAL : KEY_HASH;
    int64_t me_staff_id = c->me_staff_id;
    struct q_rotate_job_row job;
    enum err err;

    TRY(job_now(c, &job));
    if (str_is(job.status, "waiting") || str_is(job.status, "running"))
        return fail(c, E_CONFLICT, "key.turning", "a rotation is running already");
    c->me_staff_id = NONE; /* the program's own: it ends even when the colleague is gone */
    err = job_add(c,
                  &(struct job_new){"key_rotate", in->which,
                                    str_fmt(c->arena, "{\"which\":\"%.*s\"}", STR(in->which))},
                  &out->job_id);
    c->me_staff_id = me_staff_id;
    TRY(err);
    audit_detail(c, str_fmt(c->arena, "{\"which\":\"%.*s\"}", STR(in->which)));
    return key_turn(c, kind);
}

struct keys_out {
    int64_t seal_number, hash_number, job_id, done_count, total_count, changed_ms;
    bool is_seal_turning, is_hash_turning;
    struct str job_status;
};
static const struct field keys_out[] = {
    OUT(struct keys_out, seal_number, .about = "which key personal data is sealed with"),
    OUT(struct keys_out, hash_number, .about = "which key it is found by"),
    OUT(struct keys_out, is_seal_turning, .about = "the older one is still needed"),
    OUT(struct keys_out, is_hash_turning),
    OUT(struct keys_out, job_id, .is_optional = true, .about = "of the latest rotation"),
    OUT(struct keys_out, job_status, .is_optional = true),
    OUT(struct keys_out, done_count, .is_optional = true),
    OUT(struct keys_out, total_count, .is_optional = true),
    OUT(struct keys_out, changed_ms, .is_optional = true),
};

static enum err keys_run(struct ctx *c, const void *in, void *out_)
{
    struct keys_out *out = out_;
    struct q_rotate_job_row job;

    (void)in;
    TRY(job_now(c, &job));
    *out = (struct keys_out){.seal_number = key_number(c->app, KEY_SEAL),
                             .hash_number = key_number(c->app, KEY_HASH),
                             .is_seal_turning = key_is_turning(c->app, KEY_SEAL),
                             .is_hash_turning = key_is_turning(c->app, KEY_HASH),
                             .job_id = job.id,
                             .done_count = job.id == NONE ? NONE : job.done_count,
                             .total_count = job.total_count,
                             .changed_ms = job.id == NONE ? NONE : job.changed_ms,
                             .job_status = job.id == NONE ? (struct str){0} : job.status};
    return OK;
}

const struct route rotate_routes[] = {
    {HTTP_GET, "/api/privacy/keys", "key.rotate", NULL, SHAPE(keys_out), keys_run,
     .about = "The keys in use, and how far the latest rotation is", .needs_all = true},
    {HTTP_POST, "/api/privacy/keys/rotate", "key.rotate", SHAPE(rotate_in), SHAPE(rotate_out),
     rotate_run, .about = "A new key takes the old one's place, by a job",
     .repeat = REPEAT_KEY_IGNORED, .needs_all = true},
    {.path = NULL},
};
