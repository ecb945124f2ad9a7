/* Segments kept current. Always: members are what was accepted; a flip is given again until it is;
 * a person is asked at most once a run, so that no flip comes twice; nobody's instant is later than
 * what may change. */
#include "engine/roster.h"

#include <stdlib.h>

#include "host/clock.h"

#define ARENA_MAX ((size_t)16 << 20)
#define CELLS_MAX (ARENA_MAX + QUERY_ANSWER_MAX * (size_t)STORE_CUSTOMER_MAX / 8) /* a bit each */
#define DUE_MAX ((size_t)STORE_CUSTOMER_MAX * sizeof(uint32_t))
#define WORDS (ROSTER_SEGMENT_MAX / 64)
#define KINDS 4096   /* whose segments are known by a table; others are looked up */
#define CHOICES 1024 /* sets of segments asked together; a power of two */
#define FULL UINT32_MAX
#define TOUCH_ALL 65536U /* above every kind */
#define TOUCH_ATTRIBUTE 65537U
#define TOUCH_SET (TOUCH_ATTRIBUTE + CATALOG_ATTRIBUTE_MAX)
#define SETS 8192  /* that are told apart; the others stand together in the last place */
#define RECORDS 64 /* of a person, without an arena */
#define NEVER INT64_MAX
#define CELLS_MS 10000     /* for those of one segment: meanwhile nobody else is asked */
#define CELLS_AGAIN_S 3600 /* what did not fit may do so later */

struct touch {
    uint32_t number, what; /* a kind, or TOUCH_... with an attribute or a place in sets */
};
struct segment {
    int64_t id;
    int query; /* its number in the program */
    struct arena *arena;
    struct query tree;
    struct bitmap members;
    uint32_t fill_at;    /* the next number that was not asked yet; FULL */
    bool has_cells;      /* hangs on the others too, once a day */
    int64_t cells_as_of; /* the second whose cells it has; NONE: none yet */
    int64_t cells_again; /* the second at which they are tried again; NEVER */
    enum err cells_err;  /* of the last try */
    struct arena *cells; /* where they lie; NULL: has none */
};
struct roster {
    struct arena *arena;
    struct program *program;
    struct segment *segments[ROSTER_SEGMENT_MAX]; /* by query */
    uint64_t by_kind[KINDS][WORDS], by_attribute[CATALOG_ATTRIBUTE_MAX][WORDS], all[WORDS];
    bool is_known[KINDS];
    struct map *set_places; /* of the sets that were ever named */
    struct named {
        uint64_t by[WORDS];
    } * sets;               /* by place */
    uint64_t wanted[WORDS]; /* of the person at work */
    struct choice {
        uint64_t wanted[WORDS];
        const struct program_choice *choice; /* NULL: free */
    } * choices;                             /* by hash */
    int choice_count;
    struct buf touches;
    struct buf due;     /* by number: the second at which somebody is asked again; 0: never */
    int64_t next;       /* nobody is due before */
    int64_t cells_next; /* no cells move before */
    /* of a piece that is asked once, by query */
    struct piece {
        uint64_t turned[BITMAP_SHARD_WORDS]; /* whose membership is known to be the other */
        uint64_t open[BITMAP_SHARD_WORDS];   /* who must be asked */
    } * pieces;
    /* of a run */
    const struct moment *moment;
    struct roster_work *work;
    enum roster_why why;
    struct arena *scratch;
};

/* ---- segments -------------------------------------------------------------------------------- */

struct roster *roster_new(void)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct roster *roster = arena_new_one(arena, struct roster);

    roster->arena = arena;
    roster->scratch = arena_new(ARENA_MAX);
    roster->choices = arena_new_array(arena, struct choice, CHOICES);
    roster->program = program_new();
    roster->set_places = map_new(arena, 64);
    roster->sets = arena_new_array(arena, struct named, SETS + 1);
    buf_init(&roster->touches, (size_t)1 << 30);
    buf_init(&roster->due, DUE_MAX);
    roster->next = roster->cells_next = NEVER;
    return roster;
}

static void segment_free(struct segment *segment)
{
    if (segment == NULL)
        return;
    bitmap_release(&segment->members);
    if (segment->cells != NULL)
        arena_free(segment->cells);
    arena_free(segment->arena);
}

void roster_free(struct roster *roster)
{
    if (roster == NULL)
        return;
    program_free(roster->program);
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        segment_free(roster->segments[i]);
    buf_release(&roster->touches);
    buf_release(&roster->due);
    arena_free(roster->scratch);
    arena_free(roster->arena);
}

static struct segment *find(const struct roster *roster, int64_t id)
{
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        if (roster->segments[i] != NULL && roster->segments[i]->id == id)
            return roster->segments[i];
    return NULL;
}

/* Places are kept: what was touched may name them. */
static size_t set_place(struct roster *roster, enum set_kind kind, int64_t id, bool is_added)
{
    int64_t key[2] = {kind, id}, *place;
    struct str bytes = {(const char *)key, sizeof key};
    bool is_new = false;

    place = map_find(roster->set_places, bytes);
    if (place == NULL && is_added && map_count(roster->set_places) < SETS) {
        place = map_slot(roster->set_places, bytes, &is_new);
        *place = (int64_t)map_count(roster->set_places) - 1;
    }
    return place == NULL ? SETS : (size_t)*place;
}

static void names_learn(struct roster *roster, int query)
{
    const struct query *tree = &roster->segments[query]->tree;
    uint64_t bit = UINT64_C(1) << query % 64;

    for (int node = 0; node < tree->who_count; node++) {
        const struct condition *one = &tree->who[node];

        if (one->kind == CONDITION_ATTRIBUTE)
            roster->by_attribute[one->field.number][query / 64] |= bit;
        for (int i = 0; one->kind == CONDITION_SET && i < one->id_count; i++)
            roster->sets[set_place(roster, one->set, one->ids[i], true)].by[query / 64] |= bit;
    }
}

/* Whose cells were not found yet, by size or for want of memory, is not asked: without them it
 * would hold for nobody, and its opposite for everybody. */
static bool is_asked(const struct segment *segment)
{
    return segment != NULL && (!segment->has_cells || segment->cells != NULL);
}

static void map_forget(struct roster *roster)
{
    memset(roster->is_known, 0, sizeof roster->is_known);
    memset(roster->choices, 0, CHOICES * sizeof *roster->choices);
    roster->choice_count = 0;
    memset(roster->by_attribute, 0, sizeof roster->by_attribute);
    memset(roster->sets, 0, (SETS + 1) * sizeof *roster->sets);
    memset(roster->all, 0, sizeof roster->all);
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++) {
        if (!is_asked(roster->segments[i]))
            continue;
        roster->all[i / 64] |= UINT64_C(1) << i % 64;
        names_learn(roster, i);
    }
}

void roster_drop(struct roster *roster, int64_t id)
{
    struct segment *segment = find(roster, id);

    if (segment == NULL)
        return;
    program_drop(roster->program, segment->query);
    roster->segments[segment->query] = NULL;
    segment_free(segment);
    map_forget(roster);
}

/* The members so far go over from where they are. */
static void members_move(struct bitmap *from, struct bitmap *to)
{
    bitmap_release(to);
    *to = *from;
    bitmap_init(from);
}

enum err roster_add(struct roster *roster, struct arena *arena, const struct catalog *catalog,
                    const struct roster_definition *definition, struct query_fault *fault)
{
    struct arena *own = arena_new(ARENA_MAX);
    struct segment *segment = arena_new_one(own, struct segment),
                   *old = find(roster, definition->id);
    enum err err = query_read(own, catalog, str_copy(own, definition->text), &segment->tree, fault);

    if (err != OK) {
        fault->path = str_copy(arena, fault->path);
        fault->message = str_copy(arena, fault->message);
        arena_free(own);
        return err;
    }
    segment->id = definition->id;
    segment->arena = own;
    segment->cells_as_of = NONE;
    segment->cells_again = NEVER;
    segment->has_cells = answer_has_cells(&segment->tree);
    bitmap_init(&segment->members);
    if (old != NULL)
        members_move(&old->members, &segment->members);
    else if (definition->members != NULL)
        members_move(definition->members, &segment->members);
    roster_drop(roster, definition->id);
    segment->query = program_add(roster->program, &segment->tree);
    roster->segments[segment->query] = segment;
    roster->cells_next = segment->has_cells ? 0 : roster->cells_next;
    map_forget(roster);
    return OK;
}

const struct bitmap *roster_members(const struct roster *roster, int64_t id)
{
    const struct segment *segment = find(roster, id);

    return segment == NULL ? NULL : &segment->members;
}

bool roster_is_full(const struct roster *roster, int64_t id)
{
    const struct segment *segment = find(roster, id);

    return segment != NULL && segment->fill_at == FULL;
}

enum err roster_fault(const struct roster *roster, int64_t id)
{
    const struct segment *segment = find(roster, id);

    return segment == NULL || is_asked(segment) ? OK : segment->cells_err;
}

/* ---- what happened --------------------------------------------------------------------------- */

static void touch(struct roster *roster, uint32_t number, uint32_t what)
{
    buf_add(&roster->touches, &(struct touch){number, what}, sizeof(struct touch));
    must(!roster->touches.is_full);
}

static void kind_learn(struct roster *roster, uint16_t kind)
{
    memset(roster->by_kind[kind], 0, sizeof roster->by_kind[kind]);
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        if (is_asked(roster->segments[i]) && program_names_kind(roster->program, i, kind))
            roster->by_kind[kind][i / 64] |= UINT64_C(1) << i % 64;
    roster->is_known[kind] = true;
}

static bool has_any(const uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        if (words[i] != 0)
            return true;
    return false;
}

void roster_touch_event(struct roster *roster, uint32_t number, uint16_t kind)
{
    if (kind < KINDS && !roster->is_known[kind])
        kind_learn(roster, kind);
    if (kind >= KINDS || has_any(roster->by_kind[kind]))
        touch(roster, number, kind);
}

static void change_touch(void *user, const struct people_change *change)
{
    struct roster *roster = user;
    const uint64_t *words = roster->all;
    uint32_t what = TOUCH_ALL;

    if (change->what == PEOPLE_ATTRIBUTE) {
        words = roster->by_attribute[change->attribute];
        what = TOUCH_ATTRIBUTE + (uint32_t)change->attribute;
    } else if (change->what == PEOPLE_SET) {
        size_t place = set_place(roster, change->set, change->id, false);

        words = roster->sets[place].by;
        what = TOUCH_SET + (uint32_t)place;
    }
    if (has_any(words))
        touch(roster, change->number, what);
}

void roster_watch(struct roster *roster, struct people *people)
{
    people_watched(people, change_touch, roster);
}

/* ---- asking one person ----------------------------------------------------------------------- */

static void flip(struct roster *roster, const struct segment *segment, uint32_t person)
{
    bool is_in = bitmap_has(&segment->members, person);

    roster->work->flips[roster->work->count++] = (struct roster_flip){
        .segment = segment->id, .person = person, .is_in = !is_in, .why = roster->why};
}

/* Merged into another or gone: in no segment. */
static void leave_all(struct roster *roster, uint32_t number)
{
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        if (roster->segments[i] != NULL && bitmap_has(&roster->segments[i]->members, number))
            flip(roster, roster->segments[i], number);
}

static uint32_t *due_of(struct roster *roster, uint32_t number)
{
    size_t need = ((size_t)number + 1) * sizeof(uint32_t);

    if (roster->due.len < need) {
        size_t more = need + need / 4, grow = (more < DUE_MAX ? more : DUE_MAX) - roster->due.len;
        char *room = buf_room(&roster->due, grow);

        must(room != NULL);
        memset(room, 0, grow);
        roster->due.len += grow;
    }
    return (uint32_t *)(void *)roster->due.at + number;
}

/* Those just asked promise `until`; unless they are all, the others' promise stands beside it. */
static void due_set(struct roster *roster, uint32_t number, int64_t until, bool is_all)
{
    uint32_t *due = due_of(roster, number);
    int64_t at = is_all || *due == 0 ? NEVER : *due;

    at = until < at ? until : at;
    *due = at >= UINT32_MAX ? 0 : (uint32_t)at;
    if (*due != 0 && *due < roster->next)
        roster->next = *due;
}

static int numbers_of(struct roster *roster, uint32_t person, uint32_t **numbers)
{
    int count = people_numbers(roster->moment->people, person, *numbers, RECORDS);

    if (count <= RECORDS)
        return count;
    *numbers = arena_new_array(roster->scratch, uint32_t, (size_t)count);
    return people_numbers(roster->moment->people, person, *numbers, count);
}

/* Sets that were asked for once are ready; beyond their number all are asked. */
static const struct program_choice *choose(struct roster *roster)
{
    bool is_wanted[ROSTER_SEGMENT_MAX];
    struct choice *choice;
    size_t at = str_hash((struct str){(const char *)roster->wanted, sizeof roster->wanted}, 0) &
                (CHOICES - 1);

    for (choice = &roster->choices[at]; choice->choice != NULL; choice = &roster->choices[at]) {
        if (memcmp(choice->wanted, roster->wanted, sizeof roster->wanted) == 0)
            return choice->choice;
        at = (at + 1) & (CHOICES - 1);
    }
    if (roster->choice_count > CHOICES / 2) {
        memcpy(roster->wanted, roster->all, sizeof roster->all);
        return NULL;
    }
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        is_wanted[i] = (roster->wanted[i / 64] >> i % 64 & 1) != 0;
    roster->choice_count++;
    memcpy(choice->wanted, roster->wanted, sizeof roster->wanted);
    choice->choice = program_choose(roster->program, is_wanted);
    return choice->choice;
}

/* One segment's answer for the person at work; its instant if it is sooner than *until. */
static void answer_take(struct roster *roster, int query, uint32_t person,
                        const struct answer_leaf *root, int64_t *until)
{
    if (root->is_true != bitmap_has(&roster->segments[query]->members, person))
        flip(roster, roster->segments[query], person);
    if (root->until != NONE && root->until < *until)
        *until = root->until;
}

/* Those that are decided without events leave `open`. */
static bool known_take(struct roster *roster, uint32_t person, uint64_t open[WORDS], int64_t *until)
{
    bool is_open = false;

    for (int word = 0; word < WORDS; word++) {
        for (uint64_t bits = open[word]; bits != 0; bits &= bits - 1) {
            int query = word * 64 + __builtin_ctzll(bits);
            struct answer_leaf root;

            if (!program_known(roster->program, query, &root))
                continue;
            answer_take(roster, query, person, &root, until);
            open[word] &= ~(bits & -bits);
        }
        is_open = is_open || open[word] != 0;
    }
    return is_open;
}

static void events_take(struct roster *roster, uint32_t person, const uint64_t open[WORDS],
                        int64_t *until)
{
    program_open(roster->program, open);
    program_person(roster->program, roster->moment->events);
    for (int word = 0; word < WORDS; word++) {
        for (uint64_t bits = open[word]; bits != 0; bits &= bits - 1) {
            int query = word * 64 + __builtin_ctzll(bits);
            struct answer_leaf root;

            if (program_result(roster->program, query, NULL, &root) == OK)
                answer_take(roster, query, person, &root, until);
        }
    }
}

/* The wanted segments, those not in `open` being answered already. */
static void ask(struct roster *roster, uint32_t person, const struct program_choice *choice,
                uint64_t open[WORDS])
{
    uint32_t few[RECORDS], *numbers = few;
    int count = numbers_of(roster, person, &numbers);
    int64_t until = NEVER;

    roster->work->person_count++;
    program_begin(roster->program, numbers, count, choice);
    if (known_take(roster, person, open, &until))
        events_take(roster, person, open, &until);
    due_set(roster, person, until, memcmp(roster->wanted, roster->all, sizeof roster->all) == 0);
}

static void want(struct roster *roster, const uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        roster->wanted[i] |= words[i];
}

static void person_run(struct roster *roster, uint32_t number)
{
    const struct program_choice *choice;
    uint64_t open[WORDS];

    if (!bitmap_has(people_all(roster->moment->people), number)) {
        leave_all(roster, number);
        *due_of(roster, number) = 0;
        return;
    }
    if (*due_of(roster, number) != 0 && *due_of(roster, number) <= roster->moment->as_of)
        want(roster, roster->all);
    choice = choose(roster);
    memcpy(open, roster->wanted, sizeof open);
    ask(roster, number, choice, open);
}

static bool has_room(const struct roster *roster)
{
    return roster->work->count + ROSTER_SEGMENT_MAX <= roster->work->max;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const struct touch *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

/* A record's person is touched with it. */
static struct touch *touches_sort(struct roster *roster, size_t *count)
{
    size_t given = roster->touches.len / sizeof(struct touch);

    for (size_t i = 0; i < given; i++) {
        const struct touch *one = (const struct touch *)(const void *)roster->touches.at + i;
        uint32_t kept = people_kept(roster->moment->people, one->number);

        if (kept != one->number)
            touch(roster, kept, one->what);
    }
    *count = roster->touches.len / sizeof(struct touch);
    if (*count > 0)
        qsort(roster->touches.at, *count, sizeof(struct touch), by_number);
    return (struct touch *)(void *)roster->touches.at;
}

static void touch_want(struct roster *roster, uint32_t what)
{
    if (what >= TOUCH_SET) {
        want(roster, roster->sets[what - TOUCH_SET].by);
    } else if (what >= TOUCH_ATTRIBUTE) {
        want(roster, roster->by_attribute[what - TOUCH_ATTRIBUTE]);
    } else if (what >= KINDS) {
        want(roster, roster->all);
    } else {
        if (!roster->is_known[what])
            kind_learn(roster, (uint16_t)what);
        want(roster, roster->by_kind[what]);
    }
}

static void touched_run(struct roster *roster)
{
    size_t count, at = 0;
    struct touch *touches = touches_sort(roster, &count);

    roster->why = ROSTER_EVENT;
    while (at < count && has_room(roster)) {
        uint32_t number = touches[at].number;

        memset(roster->wanted, 0, sizeof roster->wanted);
        for (; at < count && touches[at].number == number; at++)
            touch_want(roster, touches[at].what);
        person_run(roster, number);
    }
    if (at < count)
        memmove(touches, touches + at, (count - at) * sizeof *touches);
    roster->touches.len = (count - at) * sizeof *touches;
    roster->work->has_more = roster->work->has_more || at < count;
}

static void due_run(struct roster *roster)
{
    int64_t next = NEVER, as_of = roster->moment->as_of;
    size_t count = roster->due.len / sizeof(uint32_t);

    if (roster->next > as_of)
        return;
    roster->next = NEVER;
    roster->why = ROSTER_TIME;
    for (size_t i = 0; i < count; i++) {
        uint32_t due = *due_of(roster, (uint32_t)i);

        if (due == 0 || due > as_of) {
            next = due != 0 && due < next ? due : next;
            continue;
        }
        if (!has_room(roster)) {
            next = as_of;
            roster->work->has_more = true;
            break;
        }
        memset(roster->wanted, 0, sizeof roster->wanted);
        person_run(roster, (uint32_t)i);
    }
    roster->next = next < roster->next ? next : roster->next;
}

static uint32_t fill_start(const struct roster *roster)
{
    uint32_t at = FULL;

    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        if (is_asked(roster->segments[i]) && roster->segments[i]->fill_at < at)
            at = roster->segments[i]->fill_at;
    return at;
}

/* What is known of a shard's persons without events, one segment. */
static void piece_learn(struct roster *roster, int query, uint32_t shard)
{
    const struct people_view *people = roster->moment->people;
    struct piece *piece = &roster->pieces[query];
    uint64_t all[BITMAP_SHARD_WORDS], joined[BITMAP_SHARD_WORDS], members[BITMAP_SHARD_WORDS];
    uint64_t sure[BITMAP_SHARD_WORDS], maybe[BITMAP_SHARD_WORDS];

    bitmap_shard(people_all(people), shard, all);
    bitmap_shard(people_joined(people), shard, joined);
    bitmap_shard(&roster->segments[query]->members, shard, members);
    program_shard(roster->program, query, shard, sure, maybe);
    for (int i = 0; i < BITMAP_SHARD_WORDS; i++) {
        piece->open[i] = all[i] & ((maybe[i] & ~sure[i]) | joined[i]);
        piece->turned[i] = ((sure[i] & all[i]) ^ members[i]) & ~piece->open[i];
    }
}

/* One of the shard: the segments that are known flip, those that are open are asked. */
static void piece_ask(struct roster *roster, const struct program_choice *choice, uint32_t person)
{
    uint32_t own = person % SHARD_NUMBERS;
    uint64_t bit = UINT64_C(1) << own % 64, open[WORDS] = {0};

    for (int word = 0; word < WORDS; word++) {
        for (uint64_t bits = roster->wanted[word]; bits != 0; bits &= bits - 1) {
            int query = word * 64 + __builtin_ctzll(bits);

            if (roster->pieces[query].turned[own / 64] & bit)
                flip(roster, roster->segments[query], person);
            if (roster->pieces[query].open[own / 64] & bit)
                open[word] |= bits & -bits;
        }
    }
    if (has_any(open))
        ask(roster, person, choice, open);
}

/* Asks the wanted segments of [at, to), which lie in one shard; returns how far there was room. */
static uint32_t piece_run(struct roster *roster, uint32_t at, uint32_t to)
{
    const struct program_choice *choice = choose(roster);
    uint64_t some[BITMAP_SHARD_WORDS] = {0};

    if (roster->pieces == NULL)
        roster->pieces = arena_new_array(roster->arena, struct piece, ROSTER_SEGMENT_MAX);
    for (int query = 0; query < ROSTER_SEGMENT_MAX; query++) {
        if (!(roster->wanted[query / 64] >> query % 64 & 1))
            continue;
        piece_learn(roster, query, at / SHARD_NUMBERS);
        for (int i = 0; i < BITMAP_SHARD_WORDS; i++)
            some[i] |= roster->pieces[query].turned[i] | roster->pieces[query].open[i];
    }
    for (; at < to && has_room(roster); at++)
        if (some[at % SHARD_NUMBERS / 64] >> at % 64 & 1)
            piece_ask(roster, choice, at);
    return at;
}

/* Those that have asked nobody from here on ask together, a shard at a time. */
static void fill_run(struct roster *roster)
{
    uint32_t at = fill_start(roster), max = people_max(roster->moment->people), to;
    uint64_t filling[WORDS];

    if (at == FULL)
        return;
    to = (at / SHARD_NUMBERS + 1) * SHARD_NUMBERS;
    to = to < max ? to : max;
    roster->why = ROSTER_FILL;
    memset(roster->wanted, 0, sizeof roster->wanted);
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        if (is_asked(roster->segments[i]) && roster->segments[i]->fill_at == at)
            roster->wanted[i / 64] |= UINT64_C(1) << i % 64;
    memcpy(filling, roster->wanted, sizeof filling);
    at = piece_run(roster, at, to);
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++)
        if (filling[i / 64] >> i % 64 & 1)
            roster->segments[i]->fill_at = at >= max ? FULL : at;
    roster->work->has_more = roster->work->has_more || fill_start(roster) != FULL;
}

/* The second after which the next day's bounds hold. */
static int64_t cells_end(const struct segment *segment, int64_t as_of)
{
    int64_t day = zone_day(segment->tree.zone, (as_of - 1) * 1000);

    return zone_day_start(segment->tree.zone, day + 1) / 1000 + 1;
}

/* New bounds, and everybody is asked. Without room or time to find them they stay as they are until
 * they are tried again. */
static void cells_find(struct roster *roster, struct segment *segment, int64_t cells_as_of)
{
    struct answer_options within = {.deadline_ms = clock_mono_us() / 1000 + CELLS_MS};
    struct moment moment = *roster->moment;
    struct arena *cells = arena_new(CELLS_MAX), *old = segment->cells;

    moment.cells_as_of = cells_as_of;
    if (moment.cells_within == NULL)
        moment.cells_within = &within;
    segment->cells_as_of = cells_as_of;
    segment->cells_again = NEVER;
    segment->cells_err =
        answer_cells_find(cells, &segment->tree, &moment, roster->program, segment->query);
    if (segment->cells_err != OK) {
        segment->cells_again = moment.as_of + CELLS_AGAIN_S;
        arena_free(cells);
        return;
    }
    segment->cells = cells;
    segment->fill_at = 0;
    if (old != NULL)
        arena_free(old);
    else
        map_forget(roster);
}

static bool is_old(const struct segment *segment, int64_t at, int64_t as_of)
{
    return segment->cells_as_of != at || segment->cells_again <= as_of;
}

/* Whose day is over, one a run, so that others do not wait; who has no bounds yet is not asked
 * without. */
static void cells_run(struct roster *roster)
{
    int64_t as_of = roster->moment->as_of;
    bool did = false;

    if (roster->cells_next > as_of)
        return;
    roster->cells_next = NEVER;
    for (int i = 0; i < ROSTER_SEGMENT_MAX; i++) {
        struct segment *segment = roster->segments[i];
        int64_t at, next;

        if (segment == NULL || !segment->has_cells)
            continue;
        at = answer_cells_second(&segment->tree, as_of);
        if (segment->cells_as_of == NONE || (is_old(segment, at, as_of) && !did)) {
            did = segment->cells_as_of != NONE;
            cells_find(roster, segment, at);
        }
        next = is_old(segment, at, as_of) ? as_of : cells_end(segment, as_of);
        next = segment->cells_again < next ? segment->cells_again : next;
        roster->cells_next = next < roster->cells_next ? next : roster->cells_next;
    }
    roster->work->has_more = roster->cells_next <= as_of;
}

int64_t roster_next(const struct roster *roster)
{
    int64_t next = roster->next < roster->cells_next ? roster->next : roster->cells_next;

    return next == NEVER ? NONE : next;
}

bool roster_has_work(const struct roster *roster, int64_t as_of)
{
    return roster->touches.len > 0 || roster->next <= as_of || roster->cells_next <= as_of ||
           fill_start(roster) != FULL;
}

void roster_run(struct roster *roster, const struct moment *moment, struct roster_work *work)
{
    must(work->max >= ROSTER_SEGMENT_MAX);
    work->count = 0;
    work->person_count = 0;
    work->has_more = false;
    roster->moment = moment;
    roster->work = work;
    arena_reset(roster->scratch);
    cells_run(roster);
    program_at(roster->program, moment);
    touched_run(roster);
    if (roster->touches.len == 0)
        due_run(roster);
    if (work->count == 0)
        fill_run(roster);
    else
        work->has_more = work->has_more || fill_start(roster) != FULL;
}

void roster_accept(struct roster *roster, const struct roster_work *work)
{
    for (int i = 0; i < work->count; i++) {
        struct segment *segment = find(roster, work->flips[i].segment);

        if (segment == NULL)
            continue;
        if (work->flips[i].is_in)
            bitmap_add(&segment->members, work->flips[i].person);
        else
            bitmap_remove(&segment->members, work->flips[i].person);
    }
}

void roster_refuse(struct roster *roster, const struct roster_work *work)
{
    for (int i = 0; i < work->count; i++)
        touch(roster, work->flips[i].person, TOUCH_ALL);
}
