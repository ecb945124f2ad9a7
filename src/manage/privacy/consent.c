/* Consents: texts in versions, who agreed to which of them when and through what, who took it back.
 * Always: a text never changes and no decision is deleted; the person's latest decision for a
 * purpose decides, and at the same instant the withdrawal does; a withdrawal ends every consent of
 * the person to that purpose, so that it is no harder than giving one. */
#include "gen/consent.q.h"
#include "kit/audit.h"
#include "kit/journal.h"
#include "manage/customer/customer.h"
#include "manage/privacy/privacy.h"

#define PURPOSES "privacy|marketing|profiling|transfer|minor"
#define SOURCES "h5|mini|store|phone|paper|import"
#define TITLE_MAX 100
#define BODY_MAX 20000

/* ---- texts ----------------------------------------------------------------------------------- */

struct consent_text_list_out {
    struct list items;
};
static const struct field consent_text_item[] = {
    OUT(struct q_consent_text_list_row, id),
    OUT(struct q_consent_text_list_row, purpose, .one_of = PURPOSES),
    OUT(struct q_consent_text_list_row, version_number),
    OUT(struct q_consent_text_list_row, title),
    OUT(struct q_consent_text_list_row, body, .max = BODY_MAX),
    OUT(struct q_consent_text_list_row, created_ms),
    OUT(struct q_consent_text_list_row, consent_count),
};
static const struct field consent_text_list_out[] = {
    OUT(struct consent_text_list_out, items,
        .of = SHAPE_OF("consent_text_item", consent_text_item, struct q_consent_text_list_row)),
};

static enum err text_list_run(struct ctx *c, const void *in, void *out_)
{
    struct consent_text_list_out *out = out_;

    (void)in;
    return q_consent_text_list(c, &out->items);
}

struct consent_text_add_in {
    struct str purpose, title, body;
};
struct consent_text_add_out {
    int64_t id, version_number;
};
static const struct field consent_text_add_in[] = {
    IN(struct consent_text_add_in, purpose, .one_of = PURPOSES),
    IN(struct consent_text_add_in, title, .min = 1, .max = TITLE_MAX),
    IN(struct consent_text_add_in, body, .min = 1, .max = BODY_MAX,
       .about = "what the person agrees to; never changed afterwards"),
};
static const struct field consent_text_add_out[] = {
    OUT(struct consent_text_add_out, id),
    OUT(struct consent_text_add_out, version_number),
};

static enum err text_add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct consent_text_add_in *in = in_;
    struct consent_text_add_out *out = out_;
    struct q_consent_text_version_row row;
    int64_t changed_count;

    out->id = ctx_id(c);
    TRY(q_consent_text_add(
        c, &(struct q_consent_text_add_in){out->id, in->purpose, str_trim(in->title), in->body},
        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "consent.versions", "a purpose has at most 100 versions");
    TRY(q_consent_text_version(c, out->id, &row));
    out->version_number = row.version_number;
    audit_about(c, "consent_text", out->id);
    return OK;
}

/* ---- giving ---------------------------------------------------------------------------------- */

struct consent_add_in {
    int64_t customer_id, consent_text_id, given_ms;
    struct str source;
};
struct consent_add_out {
    int64_t id;
};
static const struct field consent_add_in[] = {
    IN(struct consent_add_in, customer_id),
    IN(struct consent_add_in, consent_text_id),
    IN(struct consent_add_in, source, .one_of = SOURCES, .about = "where it was given"),
    IN(struct consent_add_in, given_ms, .is_optional = true, .min = 1, .max = INT64_MAX,
       .about = "when it was given, where that was earlier: on paper; now where it is missing"),
};
static const struct field consent_add_out[] = {OUT(struct consent_add_out, id)};

static enum err decision_emit(struct ctx *c, const char *kind, struct event event,
                              const struct str said[2])
{
    struct event full;

    event_init(&full, c, kind);
    full.customer_id = event.customer_id;
    full.subject_id = event.subject_id;
    full.occurred_ms = event.occurred_ms;
    full.properties =
        str_fmt(c->arena, "{\"purpose\":\"%.*s\",\"source\":\"%.*s\"}", STR(said[0]), STR(said[1]));
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, &full, 1);
}

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct consent_add_in *in = in_;
    struct consent_add_out *out = out_;
    int64_t person_id, changed_count, given_ms = in->given_ms == NONE ? c->now_ms : in->given_ms;
    struct q_consent_text_get_row text;
    enum err err;

    TRY(customer_reach(c, in->customer_id, &person_id));
    if (given_ms > c->now_ms)
        return fail_at(c, "consent.future", S("given_ms"), "a consent is given before it is kept");
    err = q_consent_text_get(c, in->consent_text_id, &text);
    if (err == E_NOT_FOUND)
        return fail(c, err, "consent.text", "there is no such text");
    TRY(err);
    out->id = ctx_id(c);
    TRY(q_consent_add(
        c,
        &(struct q_consent_add_in){out->id, person_id, in->source, given_ms, in->consent_text_id},
        &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "consent.given", "the person agreed to this text already");
    audit_about(c, "customer", person_id);
    return decision_emit(
        c, "consent_given",
        (struct event){.customer_id = person_id, .subject_id = out->id, .occurred_ms = given_ms},
        (const struct str[]){text.purpose, in->source});
}

/* ---- taking back ----------------------------------------------------------------------------- */

struct consent_withdraw_in {
    int64_t consent_id;
    struct str source;
};
static const struct field consent_withdraw_in[] = {
    IN(struct consent_withdraw_in, consent_id),
    IN(struct consent_withdraw_in, source, .one_of = SOURCES, .about = "where it was taken back"),
};

static enum err withdraw_run(struct ctx *c, const void *in_, void *out)
{
    const struct consent_withdraw_in *in = in_;
    struct q_consent_get_row row;
    int64_t person_id, changed_count;
    enum err err = q_consent_get(c, in->consent_id, &row);

    (void)out;
    if (err == OK)
        err = customer_reach(c, row.customer_id, &person_id);
    if (err == E_NOT_FOUND)
        return fail(c, err, "consent.unknown", "there is no such consent");
    TRY(err);
    TRY(q_consent_withdraw(c, in->source, person_id, row.purpose, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "consent.withdrawn", "it was taken back already");
    audit_about(c, "customer", person_id);
    return decision_emit(c, "consent_withdrawn",
                         (struct event){.customer_id = person_id,
                                        .subject_id = in->consent_id,
                                        .occurred_ms = c->now_ms},
                         (const struct str[]){row.purpose, in->source});
}

/* ---- one person's ---------------------------------------------------------------------------- */

struct consent_list_in {
    int64_t customer_id;
};
struct consent_purpose {
    struct str purpose;
    bool is_given;
    int64_t decided_ms;
};
struct consent_list_out {
    struct list items, purposes;
};
static const struct field consent_list_in[] = {IN(struct consent_list_in, customer_id)};
static const struct field consent_item[] = {
    OUT(struct q_consent_list_row, id),
    OUT(struct q_consent_list_row, purpose, .one_of = PURPOSES),
    OUT(struct q_consent_list_row, version_number),
    OUT(struct q_consent_list_row, title),
    OUT(struct q_consent_list_row, consent_text_id),
    OUT(struct q_consent_list_row, source, .one_of = SOURCES),
    OUT(struct q_consent_list_row, given_ms),
    OUT(struct q_consent_list_row, staff_name, .is_optional = true),
    OUT(struct q_consent_list_row, withdrawn_ms, .is_optional = true),
    OUT(struct q_consent_list_row, withdrawn_source, .is_optional = true),
    OUT(struct q_consent_list_row, withdrawn_staff_name, .is_optional = true),
};
static const struct field consent_purpose[] = {
    OUT(struct consent_purpose, purpose, .one_of = PURPOSES),
    OUT(struct consent_purpose, is_given),
    OUT(struct consent_purpose, decided_ms),
};
static const struct field consent_list_out[] = {
    OUT(struct consent_list_out, items,
        .of = SHAPE_OF("consent_item", consent_item, struct q_consent_list_row)),
    OUT(struct consent_list_out, purposes, .of = SHAPE(consent_purpose),
        .about = "what holds now; a purpose that is missing was never decided"),
};

static bool decision_is_given(int64_t given_ms, int64_t withdrawn_ms)
{
    return given_ms > 0 && (withdrawn_ms == NONE || given_ms > withdrawn_ms);
}

static enum err list_run(struct ctx *c, const void *in_, void *out_)
{
    const struct consent_list_in *in = in_;
    struct consent_list_out *out = out_;
    const struct q_consent_purposes_row *row;
    struct consent_purpose *purpose;
    struct list rows;
    int64_t person_id;

    TRY(customer_reach(c, in->customer_id, &person_id));
    TRY(q_consent_list(c, person_id, &out->items));
    TRY(q_consent_purposes(c, person_id, &rows));
    row = rows.at;
    purpose = arena_new_array(c->arena, struct consent_purpose, (size_t)rows.count + 1);
    out->purposes = (struct list){purpose, rows.count};
    for (int64_t i = 0; i < rows.count; i++) {
        bool is_given = decision_is_given(row[i].given_ms, row[i].withdrawn_ms);
        purpose[i] = (struct consent_purpose){row[i].purpose, is_given,
                                              is_given ? row[i].given_ms : row[i].withdrawn_ms};
    }
    return OK;
}

enum err consent_has(struct ctx *c, int64_t customer_id, const char *purpose, bool *is_given)
{
    struct q_consent_decision_row row;

    TRY(q_consent_decision(c, str_of(purpose), customer_id, &row));
    *is_given = decision_is_given(row.given_ms, row.withdrawn_ms);
    return OK;
}

const struct route consent_routes[] = {
    {HTTP_GET, "/api/consent-texts", "customer.read", NULL, SHAPE(consent_text_list_out),
     text_list_run, .about = "What people agree to, all versions"},
    {HTTP_POST, "/api/consent-texts", "setting.write", SHAPE(consent_text_add_in),
     SHAPE(consent_text_add_out), text_add_run, .about = "The next version of a purpose's text",
     .needs_all = true},
    {HTTP_GET, "/api/customers/{customer_id}/consents", "customer.read", SHAPE(consent_list_in),
     SHAPE(consent_list_out), list_run, .about = "What a person agreed to and took back"},
    {HTTP_POST, "/api/customers/{customer_id}/consents", "customer.write", SHAPE(consent_add_in),
     SHAPE(consent_add_out), add_run, .about = "A person agreed to a text"},
    {HTTP_POST, "/api/consents/{consent_id}/withdraw", "customer.write", SHAPE(consent_withdraw_in),
     NULL, withdraw_run, .about = "The person took it back, for the whole purpose"},
    {.path = NULL},
};
