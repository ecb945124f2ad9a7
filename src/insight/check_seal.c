/* The checks that look inside: what is sealed opens, what is hashed hashes to itself, what the
 * journal tells is of a registered kind, each row of the audit trail follows from the one before.
 * Row by row in a scratch arena, whatever the size. */
#include "base/json.h"
#include "gen/check.q.h"
#include "insight/check_private.h"
#include "kit/audit.h"
#include "kit/behaviour.h"
#include "kit/journal.h"
#include "kit/key.h"
#include "kit/outbox.h"
#include "kit/timer.h"
#include "manage/privacy/privacy.h"

#define SCRATCH_MAX (16 * 1024 * 1024)
#define SCRATCH_KEEP (256 * 1024) /* emptied when more than this was used */

/* Runs a query whose row function works in finding->scratch through c->arena. */
static void scratch_begin(struct finding *finding)
{
    finding->scratch = finding->c->arena;
    finding->c->arena = arena_new(SCRATCH_MAX);
}

static void scratch_next(const struct finding *finding)
{
    if (arena_used(finding->c->arena) > SCRATCH_KEEP)
        arena_reset(finding->c->arena);
}

static void scratch_end(struct finding *finding)
{
    arena_free(finding->c->arena);
    finding->c->arena = finding->scratch;
    finding->c->fault = (struct fault){0}; /* an expected one; its words lay in the scratch */
}

/* ---- journal --------------------------------------------------------------------------------- */

static enum err journal_row(void *user, const struct q_check_journal_rows_row *row)
{
    struct finding *finding = user;
    struct ctx *c = finding->c;
    struct json json;
    bool is_good = event_kind_find(c->app, row->kind) != NULL;

    scratch_next(finding);
    if (row->properties.at != NULL)
        is_good = is_good && json_parse(c->arena, row->properties, &json, NULL) == OK &&
                  json.type == JSON_OBJECT;
    if (!is_good)
        check_found(finding, row->id);
    return OK;
}

enum err check_journal_known(struct ctx *c, struct finding *finding)
{
    enum err err;

    scratch_begin(finding);
    err = q_check_journal_rows(c, journal_row, finding);
    scratch_end(finding);
    return err;
}

static bool behaviour_is_good(struct ctx *c, const struct behaviour *event)
{
    const struct event_kind *kind = event_kind_find(c->app, event->kind);
    struct json json;

    return kind && kind->class == EVENT_BEHAVIOUR &&
           (event->properties.at == NULL ||
            (json_parse(c->arena, event->properties, &json, NULL) == OK &&
             json.type == JSON_OBJECT));
}

static enum err behaviour_page(void *user, const struct q_check_behaviour_pages_row *row)
{
    struct finding *finding = user;
    struct ctx *c = finding->c;
    struct list events;
    bool is_good;

    scratch_next(finding);
    is_good = behaviour_decode(c->arena, row->events_blob, &events) == OK &&
              events.count == row->event_count && events.count > 0 &&
              row->messages_blob.len == (size_t)events.count * 8 &&
              ((const struct behaviour *)events.at)[events.count - 1].id == row->id;
    for (int64_t i = 0; is_good && i < events.count; i++)
        is_good = behaviour_is_good(c, (const struct behaviour *)events.at + i);
    if (!is_good)
        check_found(finding, row->id);
    return OK;
}

enum err check_behaviours(struct ctx *c, struct finding *finding)
{
    enum err err;

    scratch_begin(finding);
    err = q_check_behaviour_pages(c, behaviour_page, finding);
    scratch_end(finding);
    return err;
}

/* ---- kinds of messages ----------------------------------------------------------------------- */

static bool timer_knows(const struct app *app, struct str name)
{
    const struct timer_kind *const *kind = app_config(app)->timer_kinds;

    for (; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return true;
    return false;
}

static enum err timer_row(void *user, const struct q_check_timer_kinds_row *row)
{
    struct finding *finding = user;

    if (!timer_knows(finding->c->app, row->kind))
        check_found(finding, row->offender_id);
    return OK;
}

enum err check_timer_kinds(struct ctx *c, struct finding *finding)
{
    return q_check_timer_kinds(c, timer_row, finding);
}

static bool outbox_knows(const struct app *app, struct str name)
{
    const struct outbox_kind *const *kind = app_config(app)->outbox_kinds;

    for (; kind && *kind; kind++)
        if (str_is(name, (*kind)->name))
            return true;
    return false;
}

static enum err outbox_row(void *user, const struct q_check_outbox_kinds_row *row)
{
    struct finding *finding = user;

    if (!outbox_knows(finding->c->app, row->kind))
        check_found(finding, row->offender_id);
    return OK;
}

enum err check_outbox_kinds(struct ctx *c, struct finding *finding)
{
    return q_check_outbox_kinds(c, outbox_row, finding);
}

/* ---- identities and personal data ------------------------------------------------------------ */

static enum err identity_row(void *user, const struct q_check_identities_row *row)
{
    struct finding *finding = user;
    struct ctx *c = finding->c;
    struct str value;

    scratch_next(finding);
    if (ctx_unseal(c, row->value_enc, "customer", row->customer_id, &value) != OK ||
        (!str_eq(row->value_hash, ctx_keyed_hash(c, str_cstr(c->arena, row->kind), value)) &&
         !str_eq(row->value_hash, key_old_hash(c, str_cstr(c->arena, row->kind), value))))
        check_found(finding, row->customer_id);
    return OK;
}

enum err check_identity_seals(struct ctx *c, struct finding *finding)
{
    enum err err;

    scratch_begin(finding);
    err = q_check_identities(c, identity_row, finding);
    scratch_end(finding);
    return err;
}

static bool seal_opens(struct ctx *c, struct str sealed, int64_t customer_id)
{
    struct str text;

    return sealed.at == NULL || ctx_unseal(c, sealed, "customer", customer_id, &text) == OK;
}

static enum err personal_row(void *user, const struct q_check_personal_row *row)
{
    struct finding *finding = user;
    struct ctx *c = finding->c;

    scratch_next(finding);
    if (!seal_opens(c, row->name_enc, row->id) || !seal_opens(c, row->phone_enc, row->id) ||
        !seal_opens(c, row->email_enc, row->id))
        check_found(finding, row->id);
    return OK;
}

enum err check_personal_seals(struct ctx *c, struct finding *finding)
{
    enum err err;

    scratch_begin(finding);
    err = q_check_personal(c, personal_row, finding);
    scratch_end(finding);
    return err;
}

/* Nothing needs a key that is not in the key file any more. */
enum err check_keys_current(struct ctx *c, struct finding *finding)
{
    if (key_is_turning(c->app, KEY_SEAL))
        return OK;
    return rotate_left(c, &finding->count);
}

/* ---- the audit trail ------------------------------------------------------------------------- */

static enum err audit_check_row(void *user, const struct q_check_audit_row *row)
{
    struct finding *finding = user;
    struct ctx *c = finding->c;
    struct audit_row at = {.id = row->id,
                           .at_ms = row->at_ms,
                           .staff_id = row->staff_id,
                           .api_key_id = row->api_key_id,
                           .subject_id = row->subject_id,
                           .action = row->action,
                           .noun = row->noun,
                           .peer = row->peer,
                           .detail_hash = row->detail_hash,
                           .previous_hash = row->previous_hash};
    struct str before = {(const char *)finding->hash, HASH_BYTES};
    bool is_good;

    scratch_next(finding);
    is_good =
        str_eq(row->previous_hash, before) && str_eq(row->row_hash, audit_row_hash(c->arena, &at));
    if (row->detail.at != NULL)
        is_good = is_good && str_eq(row->detail_hash,
                                    audit_detail_hash(c->arena, row->salt_blob, row->detail));
    if (!is_good)
        check_found(finding, row->id);
    if (row->row_hash.len == HASH_BYTES)
        memcpy(finding->hash, row->row_hash.at, HASH_BYTES);
    return OK;
}

enum err check_audit_chain(struct ctx *c, struct finding *finding)
{
    enum err err;

    scratch_begin(finding);
    err = q_check_audit(c, audit_check_row, finding);
    scratch_end(finding);
    return err;
}
