/* Segments kept current. Always: members are what was accepted; a flip is given again until it is;
 * a person is asked at most once a run, so that no flip comes twice; nobody's instant is later than
 * what may change. */
#include "engine/live.h"

#include <stdlib.h>

#define ARENA_MAX ((size_t)16 << 20)
#define WORDS (LIVE_SEGMENT_MAX / 64)
#define KINDS 4096      /* whose segments are known by a table; others are looked up */
#define CHOICES 1024    /* sets of segments asked together; a power of two */
#define FILL_PIECE 4096 /* persons */
#define FULL UINT32_MAX
#define TOUCH_PERSON 65536U /* above every kind */
#define TOUCH_ALL 65537U
#define RECORDS 64 /* of a person, without an arena */
#define NEVER INT64_MAX

struct touch {
    uint32_t number, what; /* a kind, or TOUCH_... */
};
struct segment {
    int64_t id;
    int query; /* its number in the program */
    struct arena *arena;
    struct query tree;
    struct bitmap members;
    uint32_t fill_at; /* the next number that was not asked yet; FULL */
};
struct live {
    struct arena *arena;
    struct program *program;
    struct segment *segments[LIVE_SEGMENT_MAX]; /* by query */
    uint64_t by_kind[KINDS][WORDS], by_person[WORDS], all[WORDS];
    bool is_known[KINDS];
    uint64_t wanted[WORDS]; /* of the person at work */
    struct choice {
        uint64_t wanted[WORDS];
        const struct program_choice *choice; /* NULL: free */
    } * choices;                             /* by hash */
    int choice_count;
    struct buf touches;
    struct buf due; /* by number: the second at which somebody is asked again; 0: never */
    int64_t next;   /* nobody is due before */
    /* of a run */
    const struct moment *moment;
    struct live_work *work;
    enum live_why why;
    struct arena *scratch;
};

/* ---- segments -------------------------------------------------------------------------------- */

struct live *live_new(void)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct live *live = arena_new_one(arena, struct live);

    live->arena = arena;
    live->scratch = arena_new(ARENA_MAX);
    live->choices = arena_new_array(arena, struct choice, CHOICES);
    live->program = program_new();
    buf_init(&live->touches, (size_t)1 << 30);
    buf_init(&live->due, (size_t)STORE_CUSTOMER_MAX * sizeof(uint32_t));
    live->next = NEVER;
    return live;
}

static void segment_free(struct segment *segment)
{
    if (segment == NULL)
        return;
    bitmap_release(&segment->members);
    arena_free(segment->arena);
}

void live_free(struct live *live)
{
    if (live == NULL)
        return;
    program_free(live->program);
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        segment_free(live->segments[i]);
    buf_release(&live->touches);
    buf_release(&live->due);
    arena_free(live->scratch);
    arena_free(live->arena);
}

static struct segment *find(const struct live *live, int64_t id)
{
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        if (live->segments[i] != NULL && live->segments[i]->id == id)
            return live->segments[i];
    return NULL;
}

static void map_forget(struct live *live)
{
    memset(live->is_known, 0, sizeof live->is_known);
    memset(live->choices, 0, CHOICES * sizeof *live->choices);
    live->choice_count = 0;
    memset(live->by_person, 0, sizeof live->by_person);
    memset(live->all, 0, sizeof live->all);
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++) {
        if (live->segments[i] == NULL)
            continue;
        live->all[i / 64] |= UINT64_C(1) << i % 64;
        if (program_names_person(live->program, i))
            live->by_person[i / 64] |= UINT64_C(1) << i % 64;
    }
}

void live_drop(struct live *live, int64_t id)
{
    struct segment *segment = find(live, id);

    if (segment == NULL)
        return;
    program_drop(live->program, segment->query);
    live->segments[segment->query] = NULL;
    segment_free(segment);
    map_forget(live);
}

/* The members so far go over from where they are. */
static void members_move(struct bitmap *from, struct bitmap *to)
{
    bitmap_release(to);
    *to = *from;
    bitmap_init(from);
}

enum err live_add(struct live *live, const struct catalog *catalog,
                  const struct live_definition *definition, struct query_fault *fault)
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct segment *segment = arena_new_one(arena, struct segment),
                   *old = find(live, definition->id);
    struct str text = str_copy(arena, definition->text);
    enum err err = query_read(arena, catalog, text, &segment->tree, fault);

    if (err != OK) {
        arena_free(arena);
        return err;
    }
    segment->id = definition->id;
    segment->arena = arena;
    bitmap_init(&segment->members);
    if (old != NULL)
        members_move(&old->members, &segment->members);
    else if (definition->members != NULL)
        members_move(definition->members, &segment->members);
    live_drop(live, definition->id);
    segment->query = program_add(live->program, &segment->tree);
    live->segments[segment->query] = segment;
    map_forget(live);
    return OK;
}

const struct bitmap *live_members(const struct live *live, int64_t id)
{
    const struct segment *segment = find(live, id);

    return segment == NULL ? NULL : &segment->members;
}

bool live_is_full(const struct live *live, int64_t id)
{
    const struct segment *segment = find(live, id);

    return segment != NULL && segment->fill_at == FULL;
}

/* ---- what happened --------------------------------------------------------------------------- */

static void touch(struct live *live, uint32_t number, uint32_t what)
{
    buf_add(&live->touches, &(struct touch){number, what}, sizeof(struct touch));
    must(!live->touches.is_full);
}

static void kind_learn(struct live *live, uint16_t kind)
{
    memset(live->by_kind[kind], 0, sizeof live->by_kind[kind]);
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        if (live->segments[i] != NULL && program_names_kind(live->program, i, kind))
            live->by_kind[kind][i / 64] |= UINT64_C(1) << i % 64;
    live->is_known[kind] = true;
}

static bool has_any(const uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        if (words[i] != 0)
            return true;
    return false;
}

void live_touch_event(struct live *live, uint32_t number, uint16_t kind)
{
    if (kind < KINDS && !live->is_known[kind])
        kind_learn(live, kind);
    if (kind >= KINDS || has_any(live->by_kind[kind]))
        touch(live, number, kind);
}

void live_touch_person(struct live *live, uint32_t number)
{
    touch(live, number, TOUCH_PERSON);
}

void live_touch_record(struct live *live, uint32_t number)
{
    touch(live, number, TOUCH_ALL);
}

/* ---- asking one person ----------------------------------------------------------------------- */

static void flip(struct live *live, const struct segment *segment, uint32_t person)
{
    bool is_in = bitmap_has(&segment->members, person);

    live->work->flips[live->work->count++] = (struct live_flip){
        .segment = segment->id, .person = person, .is_in = !is_in, .why = live->why};
}

/* Merged into another or gone: in no segment. */
static void leave_all(struct live *live, uint32_t number)
{
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        if (live->segments[i] != NULL && bitmap_has(&live->segments[i]->members, number))
            flip(live, live->segments[i], number);
}

static uint32_t *due_of(struct live *live, uint32_t number)
{
    size_t need = ((size_t)number + 1) * sizeof(uint32_t);

    if (live->due.len < need) {
        size_t grow = need + need / 4 - live->due.len;
        char *room = buf_room(&live->due, grow);

        must(room != NULL);
        memset(room, 0, grow);
        live->due.len += grow;
    }
    return (uint32_t *)(void *)live->due.at + number;
}

/* The rest of the person's segments promised `before`; those just asked promise `until`. */
static void due_set(struct live *live, uint32_t number, int64_t until, bool is_all)
{
    uint32_t *due = due_of(live, number);
    int64_t at = is_all || *due == 0 ? NEVER : *due;

    at = until < at ? until : at;
    *due = at >= UINT32_MAX ? 0 : (uint32_t)at;
    if (*due != 0 && *due < live->next)
        live->next = *due;
}

static int numbers_of(struct live *live, uint32_t person, uint32_t **numbers)
{
    int count = people_numbers(live->moment->people, person, *numbers, RECORDS);

    if (count <= RECORDS)
        return count;
    *numbers = arena_new_array(live->scratch, uint32_t, (size_t)count);
    return people_numbers(live->moment->people, person, *numbers, count);
}

/* Sets that were asked for once are ready; beyond their number all are asked. */
static const struct program_choice *choose(struct live *live)
{
    bool is_wanted[LIVE_SEGMENT_MAX];
    struct choice *choice;
    size_t at =
        str_hash((struct str){(const char *)live->wanted, sizeof live->wanted}, 0) & (CHOICES - 1);

    for (choice = &live->choices[at]; choice->choice != NULL; choice = &live->choices[at]) {
        if (memcmp(choice->wanted, live->wanted, sizeof live->wanted) == 0)
            return choice->choice;
        at = (at + 1) & (CHOICES - 1);
    }
    if (live->choice_count > CHOICES / 2) {
        memcpy(live->wanted, live->all, sizeof live->all);
        return NULL;
    }
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        is_wanted[i] = (live->wanted[i / 64] >> i % 64 & 1) != 0;
    live->choice_count++;
    memcpy(choice->wanted, live->wanted, sizeof live->wanted);
    choice->choice = program_choose(live->program, is_wanted);
    return choice->choice;
}

/* One segment's answer for the person at work; its instant if it is sooner than *until. */
static void answer_take(struct live *live, int query, uint32_t person,
                        const struct answer_leaf *root, int64_t *until)
{
    if (root->is_true != bitmap_has(&live->segments[query]->members, person))
        flip(live, live->segments[query], person);
    if (root->until != NONE && root->until < *until)
        *until = root->until;
}

/* Those that are decided without events; the others stay in `open`. */
static bool known_take(struct live *live, uint32_t person, uint64_t open[WORDS], int64_t *until)
{
    bool is_open = false;

    memcpy(open, live->wanted, sizeof live->wanted);
    for (int word = 0; word < WORDS; word++) {
        for (uint64_t bits = live->wanted[word]; bits != 0; bits &= bits - 1) {
            int query = word * 64 + __builtin_ctzll(bits);
            struct answer_leaf root;

            if (!program_known(live->program, query, &root))
                continue;
            answer_take(live, query, person, &root, until);
            open[word] &= ~(bits & -bits);
        }
        is_open = is_open || open[word] != 0;
    }
    return is_open;
}

static void events_take(struct live *live, uint32_t person, const uint64_t open[WORDS],
                        int64_t *until)
{
    program_person(live->program, live->moment->events);
    for (int word = 0; word < WORDS; word++) {
        for (uint64_t bits = open[word]; bits != 0; bits &= bits - 1) {
            int query = word * 64 + __builtin_ctzll(bits);
            struct answer_leaf root;

            if (program_result(live->program, query, NULL, &root) == OK)
                answer_take(live, query, person, &root, until);
        }
    }
}

static void ask(struct live *live, uint32_t person)
{
    uint32_t few[RECORDS], *numbers = few;
    int count = numbers_of(live, person, &numbers);
    const struct program_choice *choice = choose(live);
    uint64_t open[WORDS];
    int64_t until = NEVER;

    live->work->person_count++;
    program_begin(live->program, numbers, count, choice);
    if (known_take(live, person, open, &until))
        events_take(live, person, open, &until);
    due_set(live, person, until, memcmp(live->wanted, live->all, sizeof live->all) == 0);
}

static void want(struct live *live, const uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        live->wanted[i] |= words[i];
}

static void person_run(struct live *live, uint32_t number)
{
    if (!bitmap_has(people_all(live->moment->people), number)) {
        leave_all(live, number);
        *due_of(live, number) = 0;
        return;
    }
    if (*due_of(live, number) != 0 && *due_of(live, number) <= live->moment->as_of)
        want(live, live->all);
    ask(live, number);
}

static bool has_room(const struct live *live)
{
    return live->work->count + LIVE_SEGMENT_MAX <= live->work->max;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const struct touch *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

/* A record's person is touched with it. */
static struct touch *touches_sort(struct live *live, size_t *count)
{
    size_t given = live->touches.len / sizeof(struct touch);

    for (size_t i = 0; i < given; i++) {
        const struct touch *one = (const struct touch *)(const void *)live->touches.at + i;
        uint32_t kept = people_kept(live->moment->people, one->number);

        if (kept != one->number)
            touch(live, kept, one->what);
    }
    *count = live->touches.len / sizeof(struct touch);
    if (*count > 0)
        qsort(live->touches.at, *count, sizeof(struct touch), by_number);
    return (struct touch *)(void *)live->touches.at;
}

static void touch_want(struct live *live, uint32_t what)
{
    if (what == TOUCH_ALL || (what < TOUCH_PERSON && what >= KINDS)) {
        want(live, live->all);
        return;
    }
    if (what != TOUCH_PERSON && !live->is_known[what])
        kind_learn(live, (uint16_t)what);
    want(live, what == TOUCH_PERSON ? live->by_person : live->by_kind[what]);
}

static void touched_run(struct live *live)
{
    size_t count, at = 0;
    struct touch *touches = touches_sort(live, &count);

    live->why = LIVE_EVENT;
    while (at < count && has_room(live)) {
        uint32_t number = touches[at].number;

        memset(live->wanted, 0, sizeof live->wanted);
        for (; at < count && touches[at].number == number; at++)
            touch_want(live, touches[at].what);
        person_run(live, number);
    }
    if (at < count)
        memmove(touches, touches + at, (count - at) * sizeof *touches);
    live->touches.len = (count - at) * sizeof *touches;
    live->work->has_more = at < count;
}

static void due_run(struct live *live)
{
    int64_t next = NEVER, as_of = live->moment->as_of;
    size_t count = live->due.len / sizeof(uint32_t);

    if (live->next > as_of)
        return;
    live->next = NEVER;
    live->why = LIVE_TIME;
    for (size_t i = 0; i < count; i++) {
        uint32_t due = *due_of(live, (uint32_t)i);

        if (due == 0 || due > as_of) {
            next = due != 0 && due < next ? due : next;
            continue;
        }
        if (!has_room(live)) {
            next = as_of;
            live->work->has_more = true;
            break;
        }
        memset(live->wanted, 0, sizeof live->wanted);
        person_run(live, (uint32_t)i);
    }
    live->next = next < live->next ? next : live->next;
}

static uint32_t fill_start(const struct live *live)
{
    uint32_t at = FULL;

    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        if (live->segments[i] != NULL && live->segments[i]->fill_at < at)
            at = live->segments[i]->fill_at;
    return at;
}

/* Those that have asked nobody from here on ask together. */
static void fill_run(struct live *live)
{
    uint32_t at = fill_start(live), max = people_max(live->moment->people);
    uint64_t filling[WORDS];
    uint32_t to = max - at < FILL_PIECE ? max : at + FILL_PIECE;

    if (at == FULL)
        return;
    live->why = LIVE_FILL;
    memset(live->wanted, 0, sizeof live->wanted);
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        if (live->segments[i] != NULL && live->segments[i]->fill_at == at)
            live->wanted[i / 64] |= UINT64_C(1) << i % 64;
    memcpy(filling, live->wanted, sizeof filling);
    for (; at < to && has_room(live); at++) {
        if (bitmap_has(people_all(live->moment->people), at))
            ask(live, at);
        else
            leave_all(live, at);
    }
    for (int i = 0; i < LIVE_SEGMENT_MAX; i++)
        if (filling[i / 64] >> i % 64 & 1)
            live->segments[i]->fill_at = at >= max ? FULL : at;
    live->work->has_more = live->work->has_more || fill_start(live) != FULL;
}

void live_run(struct live *live, const struct moment *moment, struct live_work *work)
{
    must(work->max >= LIVE_SEGMENT_MAX);
    work->count = 0;
    work->person_count = 0;
    work->has_more = false;
    live->moment = moment;
    live->work = work;
    arena_reset(live->scratch);
    program_at(live->program, moment);
    touched_run(live);
    if (!work->has_more)
        due_run(live);
    if (work->count == 0)
        fill_run(live);
    else
        work->has_more = work->has_more || fill_start(live) != FULL;
    work->next = live->next == NEVER ? NONE : live->next;
}

void live_accept(struct live *live, const struct live_work *work)
{
    for (int i = 0; i < work->count; i++) {
        struct segment *segment = find(live, work->flips[i].segment);

        if (segment == NULL)
            continue;
        if (work->flips[i].is_in)
            bitmap_add(&segment->members, work->flips[i].person);
        else
            bitmap_remove(&segment->members, work->flips[i].person);
    }
}

void live_refuse(struct live *live, const struct live_work *work)
{
    for (int i = 0; i < work->count; i++)
        touch(live, work->flips[i].person, TOUCH_ALL);
}
