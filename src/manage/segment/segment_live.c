/* Live segments, behind the audience's feed: whoever was touched is asked, who comes in or goes out
 * becomes rows, then the engine's members and the sets that questions see. Always: the rows are the
 * truth; members in memory are read from them when the feed begins, and everybody is asked once, so
 * what happened while nobody looked is caught up with. */
#include "gen/segment.q.h"
#include "kit/worker.h"
#include "manage/audience/follow.h"
#include "manage/segment/segment_private.h"

#define SECOND_MS INT64_C(1000)
#define ARENA_MAX ((size_t)1024 * 1024)

/* A segment as it is kept now. */
struct kept {
    int64_t id, version_number;
    const char *said; /* its state, as the row was told; NULL: not yet */
    bool is_seen, is_static, is_refused, is_circular;
};
struct segments {
    struct app *app;
    struct arena *arena;
    struct people *people;
    const struct answer_options *cells_within; /* as in a moment */
    struct roster *roster;
    struct roster_flip *flips;
    struct kept kept[SEGMENT_MAX];
    int kept_count;
    bool is_recalled; /* people are those that were kept: so are members */
};

/* People are others: from the beginning. */
static void begin_anew(struct segments *segments, struct people *people)
{
    roster_free(segments->roster);
    segments->roster = roster_new();
    roster_watch(segments->roster, people);
    segments->people = people;
    segments->kept_count = 0;
    segments->is_recalled = false;
}

static void heed(void *user, const struct follow_news *news)
{
    struct segments *segments = user;

    if (news->is_anew)
        begin_anew(segments, news->people);
    segments->is_recalled |= news->is_recalled;
    for (size_t i = 0; i < news->event_count; i++)
        roster_touch_event(segments->roster, news->events[i].customer, news->events[i].kind);
}

/* ---- definitions ----------------------------------------------------------------------------- */

struct member_page {
    struct people *people;
    enum set_kind kind;
    struct bitmap members;
};

static enum err member_take(void *user, const struct q_segment_members_row *row)
{
    struct member_page *page = user;

    bitmap_add(&page->members, (uint32_t)row->customer_number);
    people_set(page->people, page->kind, row->segment_id, (uint32_t)row->customer_number, true);
    return OK;
}

/* From their rows, unless they were kept with the people. */
static enum err members_read(struct ctx *c, const struct segments *segments,
                             const struct q_segment_live_row *row, struct member_page *page)
{
    const struct people_view *view = people_hold(page->people);
    const struct bitmap *set = people_set_of(view, page->kind, row->id);
    bool is_known = segments->is_recalled && set != NULL;

    if (is_known)
        bitmap_combine(&(struct bitmap_terms){.any = &set, .any_count = 1}, &page->members);
    people_release(page->people, view);
    if (is_known)
        return OK;
    people_drop_set(page->people, page->kind, row->id);
    return q_segment_members(c, row->id, member_take, page);
}

static struct kept *kept_find(struct segments *segments, int64_t id)
{
    for (int i = 0; i < segments->kept_count; i++)
        if (segments->kept[i].id == id)
            return &segments->kept[i];
    return NULL;
}

/* Names may be gone since, or it stands on itself: it says so, keeps its members and is asked no
 * more. */
static void refuse(struct segments *segments, const struct q_segment_live_row *row,
                   const struct query_fault *fault)
{
    app_log(segments->app, "warn", "segment", "%" PRId64 ": %.*s %.*s", row->id, STR(fault->path),
            STR(fault->message));
    roster_drop(segments->roster, row->id);
    kept_find(segments, row->id)->is_refused = true;
}

/* As it stands in its row. Restored before its archiving was seen, it is told to be filled once
 * more. */
static bool is_current(const struct kept *kept, const struct q_segment_live_row *row,
                       bool is_circular)
{
    return kept->version_number == row->version_number && kept->is_circular == is_circular &&
           (kept->said == NULL || !str_is(row->state, "filling"));
}

struct defining {
    const struct catalog *catalog;
    struct list circular; /* ids */
};

static bool is_circular(const struct defining *defining, int64_t segment_id)
{
    const int64_t *ids = defining->circular.at;

    for (int64_t i = 0; i < defining->circular.count; i++)
        if (ids[i] == segment_id)
            return true;
    return false;
}

/* One that was refused left the roster; its members are read again. */
static enum err roster_take(struct ctx *c, struct segments *segments,
                            const struct defining *defining, const struct q_segment_live_row *row,
                            struct query_fault *fault)
{
    const struct kept *kept = kept_find(segments, row->id);
    bool is_static = row->definition.at == NULL;
    struct member_page page = {.people = segments->people,
                               .kind = is_static ? SET_LIST : SET_SEGMENT};
    struct roster_definition one = {
        .id = row->id, .text = row->definition, .members = &page.members};
    enum err err = OK;

    bitmap_init(&page.members);
    if (kept == NULL || kept->is_refused)
        err = members_read(c, segments, row, &page);
    if (err == OK && is_circular(defining, row->id)) {
        *fault = (struct query_fault){"segment.circle", S(""), S("it stands on itself")};
        err = E_INPUT;
    } else if (err == OK && !is_static) {
        err = roster_add(segments->roster, c->arena, defining->catalog, &one, fault);
    }
    bitmap_release(&page.members);
    return err;
}

static enum err definition_take(struct ctx *c, struct segments *segments,
                                const struct defining *defining,
                                const struct q_segment_live_row *row)
{
    struct kept *kept = kept_find(segments, row->id);
    bool circular = is_circular(defining, row->id);
    struct query_fault fault = {0};
    enum err err;

    if (kept != NULL && is_current(kept, row, circular))
        return OK;
    err = roster_take(c, segments, defining, row, &fault);
    if (err != OK && err != E_INPUT) /* not what it says: it is taken again */
        return err;
    if (kept == NULL) {
        must(segments->kept_count < SEGMENT_MAX);
        kept = &segments->kept[segments->kept_count++];
    }
    *kept = (struct kept){.id = row->id,
                          .version_number = row->version_number,
                          .is_static = row->definition.at == NULL,
                          .is_circular = circular};
    if (err == E_INPUT)
        refuse(segments, row, &fault);
    return OK;
}

/* Archived: it is asked no more, and questions do not know it. */
static void gone_drop(struct segments *segments, const struct list *rows)
{
    const struct q_segment_live_row *row = rows->at;
    int left = 0;

    for (int i = 0; i < segments->kept_count; i++)
        segments->kept[i].is_seen = false;
    for (int64_t i = 0; i < rows->count; i++) {
        struct kept *kept = kept_find(segments, row[i].id);
        if (kept != NULL)
            kept->is_seen = true;
    }
    for (int i = 0; i < segments->kept_count; i++) {
        if (segments->kept[i].is_seen) {
            segments->kept[left++] = segments->kept[i];
            continue;
        }
        roster_drop(segments->roster, segments->kept[i].id);
        people_drop_set(segments->people, segments->kept[i].is_static ? SET_LIST : SET_SEGMENT,
                        segments->kept[i].id);
    }
    segments->kept_count = left;
}

/* Kept with the people, and gone since. */
static void sets_drop(struct segments *segments, enum set_kind kind)
{
    struct people *people = segments->people;
    const struct people_view *view = people_hold(people);

    for (size_t i = 0; i < people_set_count(view, kind); i++)
        if (kept_find(segments, people_set_id(view, kind, i)) == NULL)
            people_drop_set(people, kind, people_set_id(view, kind, i));
    people_release(people, view);
}

static enum err know(struct ctx *c, const struct catalog *catalog, void *user)
{
    struct segments *segments = user;
    const struct q_segment_live_row *row;
    struct defining defining = {.catalog = catalog};
    struct list rows;

    TRY(segment_circles(c, catalog, &defining.circular));
    TRY(q_segment_live(c, &rows));
    row = rows.at;
    gone_drop(segments, &rows); /* first: they make room */
    for (int64_t i = 0; i < rows.count; i++)
        TRY(definition_take(c, segments, &defining, &row[i]));
    if (segments->is_recalled) {
        sets_drop(segments, SET_LIST);
        sets_drop(segments, SET_SEGMENT);
    }
    segments->is_recalled = false;
    return OK;
}

/* ---- who comes in and goes out --------------------------------------------------------------- */

struct taking {
    struct segments *segments;
    const struct roster_work *work;
};

static enum err take_step(struct ctx *c, void *user)
{
    const struct taking *taking = user;

    return segment_take(c, taking->work->flips, taking->work->count);
}

static void sets_change(struct segments *segments, const struct roster_work *work)
{
    for (int i = 0; i < work->count; i++) {
        const struct roster_flip *flip = &work->flips[i];

        people_set(segments->people, SET_SEGMENT, flip->segment, flip->person, flip->is_in);
    }
    if (work->count > 0)
        people_publish(segments->people);
}

static enum err work_keep(struct segments *segments, struct arena *arena,
                          const struct roster_work *work)
{
    struct taking taking = {segments, work};
    enum err err =
        work->count == 0 ? OK : app_write(segments->app, arena, take_step, &taking, NULL);

    if (err != OK) {
        roster_refuse(segments->roster, work);
        return err;
    }
    roster_accept(segments->roster, work);
    sets_change(segments, work);
    return OK;
}

/* What happened in the running second is seen. */
static int64_t as_of(int64_t now_ms)
{
    return now_ms / SECOND_MS + 1;
}

static void work_run(struct segments *segments, struct arena *arena, int64_t now_ms,
                     struct roster_work *work)
{
    struct moment moment;

    follow_hold(segments->app, arena, as_of(now_ms), &moment);
    moment.cells_within = segments->cells_within;
    roster_run(segments->roster, &moment, work);
    follow_release(segments->app, &moment);
}

/* ---- what became of definitions -------------------------------------------------------------- */

/* What its row is to say; NULL: as it does. */
static const char *state_of(const struct segments *segments, const struct kept *kept)
{
    if (kept->is_refused)
        return "refused";
    if (roster_is_full(segments->roster, kept->id))
        return "live";
    switch (roster_fault(segments->roster, kept->id)) {
    case OK:
        return NULL;
    case E_BUSY:
        return "slow";
    default:
        return "large";
    }
}

/* Nothing but another version changes what it says. */
static bool is_settled(const struct kept *kept)
{
    return kept->is_static ||
           (kept->said != NULL && (kept->is_refused || strcmp(kept->said, "live") == 0));
}

static enum err say_step(struct ctx *c, void *user)
{
    const struct kept *kept = user;
    int64_t changed_count;

    c->topics |= LIVE_SEGMENTS;
    return q_segment_say(c, str_of(kept->said), kept->id, kept->version_number, &changed_count);
}

static enum err states_say(struct segments *segments, struct arena *arena)
{
    for (int i = 0; i < segments->kept_count; i++) {
        struct kept *kept = &segments->kept[i], saying = *kept;

        if (is_settled(kept))
            continue;
        saying.said = state_of(segments, kept);
        if (saying.said == NULL || (kept->said != NULL && strcmp(saying.said, kept->said) == 0))
            continue;
        TRY(app_write(segments->app, arena, say_step, &saying, NULL));
        kept->said = saying.said;
    }
    return OK;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a == NONE || (b != NONE && b < a) ? b : a;
}

static enum err page(void *user, struct arena *arena, int64_t *next_ms)
{
    struct segments *segments = user;
    struct roster_work work = {.flips = segments->flips, .max = SEGMENT_PAGE};
    int64_t now_ms = worker_now_ms(segments->app), next;

    if (roster_has_work(segments->roster, as_of(now_ms))) {
        work_run(segments, arena, now_ms, &work);
        TRY(work_keep(segments, arena, &work));
    }
    TRY(states_say(segments, arena));
    next = roster_next(segments->roster);
    if (work.has_more || work.count > 0)
        *next_ms = now_ms;
    else if (next != NONE) /* as_of is one second ahead of what it names */
        *next_ms = sooner(*next_ms, (next - 1) * SECOND_MS);
    return OK;
}

/* ---- the part -------------------------------------------------------------------------------- */

static const struct follower follower = {.heed = heed, .know = know, .page = page};

static void *part_open(struct app *app)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct segments *segments = arena_new_one(arena, struct segments);

    segments->app = app;
    segments->arena = arena;
    segments->roster = roster_new();
    segments->flips = arena_new_array(arena, struct roster_flip, SEGMENT_PAGE);
    follow_begin(app, &follower, segments);
    return segments;
}

static void part_close(void *part)
{
    struct segments *segments = part;

    roster_free(segments->roster);
    arena_free(segments->arena);
}

const struct app_part segment_part = {.open = part_open, .close = part_close};

void segment_live_within(struct app *app, const struct answer_options *within)
{
    ((struct segments *)app_part(app, &segment_part))->cells_within = within;
}
