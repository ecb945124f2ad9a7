/* Write keys: public names with which web pages send events. A key can be switched off, never
 * deleted: what came in under it stays explainable. */
#include "gen/write_key.q.h"
#include "kit/audit.h"
#include "manage/setting/setting.h"

#define KEY_BYTES_RANDOM 18

struct write_key_list {
    struct list items;
};
static const struct field write_key_item[] = {
    OUT(struct q_write_key_list_row, id),         OUT(struct q_write_key_list_row, name),
    OUT(struct q_write_key_list_row, key_text),   OUT(struct q_write_key_list_row, is_active),
    OUT(struct q_write_key_list_row, created_ms),
};
static const struct field write_key_list[] = {
    OUT(struct write_key_list, items,
        .of = SHAPE_OF("write_key", write_key_item, struct q_write_key_list_row)),
};

static enum err list_run(struct ctx *c, const void *in, void *out_)
{
    struct write_key_list *out = out_;

    (void)in;
    return q_write_key_list(c, &out->items);
}

struct write_key_add_in {
    struct str name;
};
struct write_key_add_out {
    int64_t id;
    struct str key_text;
};
static const struct field write_key_add_in[] = {
    IN(struct write_key_add_in, name, .min = 1, .max = 60, .about = "for whom: a site, an app"),
};
static const struct field write_key_add_out[] = {
    OUT(struct write_key_add_out, id),
    OUT(struct write_key_add_out, key_text),
};

static enum err add_run(struct ctx *c, const void *in_, void *out_)
{
    const struct write_key_add_in *in = in_;
    struct write_key_add_out *out = out_;
    int64_t changed_count;

    out->id = ctx_id(c);
    out->key_text = str_fmt(c->arena, "pk_%.*s", STR(token_new(c->arena, KEY_BYTES_RANDOM)));
    TRY(q_write_key_add(c, out->id, out->key_text, in->name, &changed_count));
    if (changed_count == 0)
        return fail(c, E_CONFLICT, "write_key.too_many", "there are 100 keys already");
    audit_about(c, "write_key", out->id);
    c->topics |= LIVE_SETTINGS;
    return OK;
}

struct write_key_edit_in {
    int64_t key_id;
    bool is_active;
};
static const struct field write_key_edit_in[] = {
    IN(struct write_key_edit_in, key_id),
    IN(struct write_key_edit_in, is_active),
};

static enum err edit_run(struct ctx *c, const void *in_, void *out)
{
    const struct write_key_edit_in *in = in_;
    int64_t changed_count;

    (void)out;
    TRY(q_write_key_switch(c, in->is_active, in->key_id, &changed_count));
    if (changed_count == 0)
        return fail(c, E_NOT_FOUND, "write_key.unknown", "no such key");
    audit_about(c, "write_key", in->key_id);
    audit_detail(c, in->is_active ? S("{\"is_active\":true}") : S("{\"is_active\":false}"));
    c->topics |= LIVE_SETTINGS;
    return OK;
}

const struct route write_key_routes[] = {
    {HTTP_GET, "/api/write-keys", "setting.read", NULL, SHAPE(write_key_list), list_run,
     .about = "Public keys with which pages send events"},
    {HTTP_POST, "/api/write-keys", "setting.write", SHAPE(write_key_add_in),
     SHAPE(write_key_add_out), add_run, .about = "A new key", .repeat = REPEAT_KEY_IGNORED,
     .needs_all = true},
    {HTTP_POST, "/api/write-keys/{key_id}/edit", "setting.write", SHAPE(write_key_edit_in), NULL,
     edit_run, .about = "Switch a key on or off", .needs_all = true},
    {0},
};
