/* Taking back what an import did to customers. Always: a record that anything touched since stays,
 * and so does a field that no longer holds the imported value; a number is never given again. */
#include "base/json.h"
#include "gen/customer.q.h"
#include "gen/customer_undo.q.h"
#include "manage/customer/customer_private.h"

static enum err broken(struct ctx *c)
{
    return fail(c, E_CORRUPT, "import.effect", "an effect cannot be read");
}

static enum err undone_emit(struct ctx *c, const int64_t *ids, int64_t count)
{
    struct event *events = arena_new_array(c->arena, struct event, (size_t)count + 1);

    for (int64_t i = 0; i < count; i++) {
        event_init(&events[i], c, "customer_edited");
        events[i].customer_id = ids[i];
        events[i].properties = S("{\"fields\":\"import_undo\"}");
    }
    c->topics |= LIVE_CUSTOMERS;
    return journal_emit(c, events, count);
}

/* ---- those it made --------------------------------------------------------------------------- */

static enum err ids_parse(struct ctx *c, struct str text, struct list *keys)
{
    struct q_customer_untouched_in *key =
        arena_new_array(c->arena, struct q_customer_untouched_in, text.len / 2 + 2);
    bool is_more = text.len > 0;
    struct str part;

    *keys = (struct list){key, 0};
    while (is_more) {
        is_more = str_cut(text, ',', &part, &text);
        if (!str_to_int(part, &key[keys->count++].customer_id))
            return broken(c);
    }
    return OK;
}

struct unmaking {
    int64_t *ids; /* who is told of: they, and whose guests became fewer */
    struct q_customer_unmake_in *customers;
    struct q_customer_unmake_identities_in *identities;
    struct q_customer_unmake_tags_in *tags;
    struct q_customer_unmake_owners_in *owners;
    struct q_customer_unmake_children_in *children;
    struct q_customer_uninvite_in *inviters;
    int64_t id_count, count, inviter_count;
};

static void unmaking_init(struct ctx *c, struct unmaking *u, size_t room)
{
    u->ids = arena_new_array(c->arena, int64_t, 2 * room);
    u->customers = arena_new_array(c->arena, struct q_customer_unmake_in, room);
    u->identities = arena_new_array(c->arena, struct q_customer_unmake_identities_in, room);
    u->tags = arena_new_array(c->arena, struct q_customer_unmake_tags_in, room);
    u->owners = arena_new_array(c->arena, struct q_customer_unmake_owners_in, room);
    u->children = arena_new_array(c->arena, struct q_customer_unmake_children_in, room);
    u->inviters = arena_new_array(c->arena, struct q_customer_uninvite_in, room);
}

static void unmaking_add(struct unmaking *u, const struct q_customer_untouched_row *found)
{
    int64_t i = u->count++;

    u->ids[u->id_count++] = found->id;
    u->customers[i].customer_id = u->identities[i].customer_id = found->id;
    u->tags[i].customer_id = u->owners[i].customer_id = u->children[i].customer_id = found->id;
    if (found->invited_by_customer_id == NONE)
        return;
    u->ids[u->id_count++] = found->invited_by_customer_id;
    u->inviters[u->inviter_count++].customer_id = found->invited_by_customer_id;
}

static enum err unmake(struct ctx *c, const struct unmaking *u)
{
    TRY(q_customer_unmake(c, u->customers, u->count, NULL));
    TRY(q_customer_unmake_identities(c, u->identities, u->count, NULL));
    TRY(q_customer_unmake_tags(c, u->tags, u->count, NULL));
    TRY(q_customer_unmake_owners(c, u->owners, u->count, NULL));
    TRY(q_customer_unmake_children(c, u->children, u->count, NULL));
    if (u->inviter_count > 0)
        TRY(q_customer_uninvite(c, u->inviters, u->inviter_count, NULL));
    return undone_emit(c, u->ids, u->id_count);
}

static enum err made_undo(struct ctx *c, struct str before, int64_t *undone_count,
                          int64_t *kept_count)
{
    struct q_customer_untouched_row *found;
    struct unmaking u = {.count = 0};
    struct list keys;

    TRY(ids_parse(c, before, &keys));
    found = arena_new_array(c->arena, struct q_customer_untouched_row, (size_t)keys.count + 1);
    unmaking_init(c, &u, (size_t)keys.count + 1);
    TRY(q_customer_untouched(c, keys.at, keys.count, found));
    for (int64_t i = 0; i < keys.count; i++) {
        if (found[i].id != NONE && found[i].is_untouched)
            unmaking_add(&u, &found[i]);
    }
    *undone_count += u.count;
    *kept_count += keys.count - u.count;
    return u.count > 0 ? unmake(c, &u) : OK;
}

/* ---- those it changed ------------------------------------------------------------------------ */

/* The pair [before, after] of a field; false: it was not changed. */
static bool pair_get(const struct json *change, const char *name, const struct json **before,
                     const struct json **after)
{
    const struct json *pair = json_get(change, name);

    if (pair == NULL || pair->type != JSON_ARRAY || pair->count != 2)
        return false;
    *before = &pair->items[0];
    *after = &pair->items[1];
    return true;
}

static struct str json_text(const struct json *value)
{
    return value->type == JSON_STR ? value->text : (struct str){NULL, 0};
}

static int64_t json_number(const struct json *value)
{
    return value->type == JSON_INT ? value->integer : NONE;
}

struct restoring {
    bool is_changed, is_kept; /* of the customer at hand: a field went back, a field stayed */
};

static void text_back(struct restoring *r, const struct json *change, const char *name,
                      struct str *field)
{
    const struct json *before, *after;

    if (!pair_get(change, name, &before, &after))
        return;
    if (str_eq(*field, json_text(after))) {
        *field = json_text(before);
        r->is_changed = true;
    } else {
        r->is_kept = true;
    }
}

static void number_back(struct restoring *r, const struct json *change, const char *name,
                        int64_t *field)
{
    const struct json *before, *after;

    if (!pair_get(change, name, &before, &after))
        return;
    if (*field == json_number(after)) {
        *field = json_number(before);
        r->is_changed = true;
    } else {
        r->is_kept = true;
    }
}

static void image_back(struct restoring *r, const struct json *change, struct customer_image *image)
{
    text_back(r, change, "name", &image->name);
    text_back(r, change, "phone", &image->phone);
    text_back(r, change, "email", &image->email);
    text_back(r, change, "region", &image->region);
    text_back(r, change, "attributes", &image->attributes);
    number_back(r, change, "channel_id", &image->channel_id);
    number_back(r, change, "touched_ms", &image->touched_ms);
    number_back(r, change, "added_ms", &image->added_ms);
    number_back(r, change, "inviter_id", &image->inviter_id);
}

/* The identities it added to a customer: gone, unless they are somebody else's by now. */
static int64_t identities_back(struct ctx *c, const struct json *change, int64_t customer_id,
                               struct q_identity_delete_in *out)
{
    const struct json *all = json_get(change, "identities");
    int64_t count = 0;

    for (uint32_t i = 0; all != NULL && all->type == JSON_ARRAY && i < all->count; i++) {
        const struct json *pair = &all->items[i];
        struct customer_ref ref;

        if (pair->type != JSON_ARRAY || pair->count != 2)
            continue;
        ref = (struct customer_ref){json_text(&pair->items[0]), json_text(&pair->items[1])};
        out[count++] = (struct q_identity_delete_in){
            .kind = ref.kind, .value_hash = identity_hash(c, ref), .customer_id = customer_id};
    }
    return count;
}

static int64_t identities_count(const struct json *changes)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < changes->count; i++) {
        const struct json *all = json_get(&changes->items[i], "identities");

        count += all != NULL && all->type == JSON_ARRAY ? (int64_t)all->count : 0;
    }
    return count;
}

struct changed {
    const struct json *changes;
    int64_t *ids; /* who is told of: they, and whose guests became fewer */
    struct customer_image *images, *back;
    struct q_identity_delete_in *identities;
    struct q_customer_inviter_clear_in *guests;
    struct q_customer_uninvite_in *inviters;
    int64_t id_count, back_count, identity_count, guest_count, undone_count, kept_count;
};

static void inviter_back(struct changed *all, int64_t customer_id, int64_t inviter_id)
{
    all->guests[all->guest_count].customer_id = customer_id;
    all->inviters[all->guest_count++].customer_id = inviter_id;
    all->ids[all->id_count++] = inviter_id;
}

static void changed_decide(struct ctx *c, struct changed *all)
{
    for (uint32_t i = 0; i < all->changes->count; i++) {
        const struct json *change = &all->changes->items[i];
        struct customer_image *image = &all->images[i];
        struct restoring r = {false, false};
        int64_t inviter_id = image->inviter_id;

        if (!image->is_there) {
            all->kept_count++;
            continue;
        }
        image_back(&r, change, image);
        all->identity_count +=
            identities_back(c, change, image->id, all->identities + all->identity_count);
        all->kept_count += r.is_kept;
        all->undone_count += !r.is_kept;
        if (image->inviter_id != inviter_id)
            inviter_back(all, image->id, inviter_id);
        all->ids[all->id_count++] = image->id;
        all->back[all->back_count++] = *image;
    }
}

static enum err changed_read(struct ctx *c, struct changed *all)
{
    size_t room = all->changes->count + (size_t)1;
    int64_t *ids = arena_new_array(c->arena, int64_t, room);

    all->ids = arena_new_array(c->arena, int64_t, 2 * room);
    all->guests = arena_new_array(c->arena, struct q_customer_inviter_clear_in, room);
    all->inviters = arena_new_array(c->arena, struct q_customer_uninvite_in, room);
    all->images = arena_new_array(c->arena, struct customer_image, room);
    all->back = arena_new_array(c->arena, struct customer_image, room);
    all->identities = arena_new_array(c->arena, struct q_identity_delete_in,
                                      (size_t)identities_count(all->changes) + 1);
    for (uint32_t i = 0; i < all->changes->count; i++) {
        const struct json *id = json_get(&all->changes->items[i], "id");

        if (id == NULL)
            return broken(c);
        ids[i] = all->images[i].id = json_number(id);
    }
    return customer_images_read(c, ids, all->changes->count, all->images);
}

static enum err changes_undo(struct ctx *c, struct str before, int64_t *undone_count,
                             int64_t *kept_count)
{
    struct changed all = {.back_count = 0};
    struct json changes;

    if (json_parse(c->arena, before, &changes, NULL) != OK || changes.type != JSON_ARRAY)
        return broken(c);
    all.changes = &changes;
    TRY(changed_read(c, &all));
    changed_decide(c, &all);
    *undone_count += all.undone_count;
    *kept_count += all.kept_count;
    if (all.back_count == 0)
        return OK;
    TRY(customer_images_write(c, all.back, all.back_count));
    if (all.identity_count > 0)
        TRY(q_identity_delete(c, all.identities, all.identity_count, NULL));
    if (all.guest_count > 0) {
        TRY(q_customer_inviter_clear(c, all.guests, all.guest_count, NULL));
        TRY(q_customer_uninvite(c, all.inviters, all.guest_count, NULL));
    }
    return undone_emit(c, all.ids, all.id_count);
}

enum err customer_undo(struct ctx *c, struct str noun, struct str before, int64_t *undone_count,
                       int64_t *kept_count)
{
    if (str_is(noun, "customers"))
        return made_undo(c, before, undone_count, kept_count);
    if (str_is(noun, "changes"))
        return changes_undo(c, before, undone_count, kept_count);
    return broken(c);
}
