/* The audit trail. Always: one row a committed change of a person or a key, in that change's own
 * transaction; each row's hash covers the hash of the row before. The last hash lies in the
 * writer's memory and moves only when the change's savepoint is released. */
#include "kit/audit.h"

#include "gen/kit.q.h"
#include "kit/kit_private.h"

#define SALT_BYTES 16
#define ROW_BYTES_MAX 4096

void audit_about(struct ctx *c, const char *noun, int64_t subject_id)
{
    c->audit_noun = noun;
    c->audit_subject_id = subject_id;
}

void audit_detail(struct ctx *c, struct str json)
{
    c->audit_detail = json;
}

void audit_reason(struct ctx *c, struct str reason)
{
    struct json_out json;
    struct buf buf;

    buf_init(&buf, 16384);
    json_out_init(&json, &buf);
    json_object_begin(&json);
    json_name(&json, "reason");
    json_str(&json, reason);
    json_object_end(&json);
    c->audit_detail = str_copy(c->arena, buf_view(&buf));
    buf_release(&buf);
}

enum err audit_erase(struct ctx *c, const char *noun, int64_t subject_id, int64_t *erased_count)
{
    return q_audit_detail_erase(c, str_of(noun), subject_id, erased_count);
}

/* ---- the chain ------------------------------------------------------------------------------- */

static struct str hash_copy(struct arena *arena, const struct buf *buf)
{
    uint8_t *hash = arena_alloc(arena, HASH_BYTES);

    hash_sha256(buf_view(buf), hash);
    return (struct str){(const char *)hash, HASH_BYTES};
}

/* "5:hello": no two lists of parts give the same bytes. No value is "-". */
static void part_add(struct buf *buf, struct str part)
{
    if (part.at == NULL) {
        buf_char(buf, '-');
        return;
    }
    buf_int(buf, (int64_t)part.len);
    buf_char(buf, ':');
    buf_str(buf, part);
}

static void number_add(struct buf *buf, int64_t number)
{
    if (number == NONE)
        buf_str(buf, S("n;"));
    else
        buf_fmt(buf, "i%" PRId64 ";", number);
}

struct str audit_row_hash(struct arena *arena, const struct audit_row *row)
{
    struct buf buf;
    struct str hash;

    buf_init(&buf, (size_t)ROW_BYTES_MAX + row->peer.len + row->noun.len + row->action.len);
    part_add(&buf, row->previous_hash);
    number_add(&buf, row->id);
    number_add(&buf, row->at_ms);
    number_add(&buf, row->staff_id);
    number_add(&buf, row->api_key_id);
    part_add(&buf, row->action);
    part_add(&buf, row->noun);
    number_add(&buf, row->subject_id);
    part_add(&buf, row->peer);
    part_add(&buf, row->detail_hash);
    hash = hash_copy(arena, &buf);
    buf_release(&buf);
    return hash;
}

struct str audit_detail_hash(struct arena *arena, struct str salt, struct str detail)
{
    struct buf buf;
    struct str hash;

    buf_init(&buf, salt.len + detail.len + 1);
    buf_str(&buf, salt);
    buf_str(&buf, detail);
    hash = hash_copy(arena, &buf);
    buf_release(&buf);
    return hash;
}

/* ---- one row --------------------------------------------------------------------------------- */

/* A change of a person, a key, or over this machine's socket; of nobody, where it says what it is
 * about: a link that was followed. */
static bool is_audited(const struct call *call)
{
    const struct route *route = call->route;

    if (route == NULL || route->method == HTTP_GET || route->is_unaudited)
        return false;
    if (route->kind == ROUTE_BEACON || strcmp(route->permission, "write_key") == 0)
        return false;
    return call->who.staff_id != NONE || call->who.is_local || call->ctx.audit_noun != NULL;
}

static const char *method_name(enum http_method method)
{
    return method == HTTP_POST    ? "POST"
           : method == HTTP_PUT   ? "PUT"
           : method == HTTP_PATCH ? "PATCH"
                                  : "DELETE";
}

/* The first id of the path, where the handler did not say more. */
static void about_find(struct call *call)
{
    struct str rest = str_of(call->route->path), head;
    const struct field *field;

    while (call->ctx.audit_noun == NULL && str_cut(rest, '{', &head, &rest)) {
        str_cut(rest, '}', &head, &rest);
        if (!str_ends(head, S("_id")))
            continue;
        field = field_find(call->route->in, head);
        must(field != NULL);
        memcpy(&call->ctx.audit_subject_id, (const char *)call->in + field->offset,
               sizeof(call->ctx.audit_subject_id));
        call->ctx.audit_noun = str_cstr(call->arena, str_sub(head, 0, head.len - 3));
    }
}

static enum err previous_find(struct call *call, struct str *hash)
{
    struct app *app = call->app;
    struct q_audit_last_row last;
    enum err err;

    if (!app->is_audit_known) {
        err = q_audit_last(&call->ctx, &last);
        if (err == OK && last.row_hash.len != HASH_BYTES)
            return fail(&call->ctx, E_CORRUPT, "internal.audit", "the last audit row is damaged");
        if (err == E_NOT_FOUND)
            memset(app->audit_hash, 0, HASH_BYTES);
        else
            TRY(err);
        if (err == OK)
            memcpy(app->audit_hash, last.row_hash.at, HASH_BYTES);
        app->is_audit_known = true;
    }
    *hash = str_copy(call->arena, (struct str){(const char *)app->audit_hash, HASH_BYTES});
    return OK;
}

/* No detail, no row of it: like one that was erased. */
static enum err detail_write(struct call *call, int64_t audit_id, struct str *hash)
{
    struct str detail = call->ctx.audit_detail, salt = {0};
    uint8_t *bytes = arena_alloc(call->arena, SALT_BYTES);

    if (detail.at != NULL) {
        random_bytes(bytes, SALT_BYTES);
        salt = (struct str){(const char *)bytes, SALT_BYTES};
        TRY(q_audit_detail_add(&call->ctx, audit_id, salt, detail));
    }
    *hash = audit_detail_hash(call->arena, salt, detail);
    return OK;
}

enum err audit_write(struct call *call)
{
    struct ctx *c = &call->ctx;
    struct audit_row row = {.id = NONE};

    if (!is_audited(call))
        return OK;
    c->statement_max = 0; /* the handler has had its budget */
    about_find(call);
    row.id = ctx_id(c);
    row.at_ms = c->now_ms;
    row.staff_id = call->who.staff_id;
    row.api_key_id = call->who.api_key_id;
    row.action = str_fmt(call->arena, "%s %s", method_name(call->route->method), call->route->path);
    row.noun = c->audit_noun ? str_of(c->audit_noun) : S("");
    row.subject_id = c->audit_subject_id;
    row.peer = c->peer.at ? c->peer : S("");
    TRY(previous_find(call, &row.previous_hash));
    TRY(detail_write(call, row.id, &row.detail_hash));
    call->audit_hash = audit_row_hash(call->arena, &row);
    return q_audit_add(c, &(struct q_audit_add_in){.id = row.id,
                                                   .staff_id = row.staff_id,
                                                   .api_key_id = row.api_key_id,
                                                   .action = row.action,
                                                   .noun = row.noun,
                                                   .subject_id = row.subject_id,
                                                   .peer = row.peer,
                                                   .detail_hash = row.detail_hash,
                                                   .previous_hash = row.previous_hash,
                                                   .row_hash = call->audit_hash});
}

void audit_kept(struct call *call)
{
    if (call->audit_hash.at != NULL)
        memcpy(call->app->audit_hash, call->audit_hash.at, HASH_BYTES);
}
