/* Counting by key: a table a hand, joined at the end. Always: a sum knows how often it went round,
 * so that what fits at the end is right whatever the order. */
#include "engine/answer_private.h"

#include <stdlib.h>

#define FIRST_ROOM 64

void answer_sum_add(struct answer_sum *sum, int64_t value)
{
    if (__builtin_add_overflow(sum->value, value, &sum->value))
        sum->carry += value > 0 ? 1 : -1;
}

void answer_sum_join(struct answer_sum *sum, const struct answer_sum *other)
{
    answer_sum_add(sum, other->value);
    sum->carry += other->carry;
}

static bool is_key(const struct answer_key *a, const struct answer_key *b)
{
    return a->a == b->a && a->b == b->b && a->c == b->c;
}

static size_t hash(const struct answer_key *key)
{
    uint64_t hash = (uint64_t)key->a * UINT64_C(0x9e3779b97f4a7c15);

    hash = (hash ^ hash >> 29 ^ (uint64_t)key->b) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 32 ^ (uint64_t)key->c) * UINT64_C(0x94d049bb133111eb);
    return (size_t)(hash ^ hash >> 31);
}

/* Where the key is, or would be. A place in use has people or events. */
static struct answer_tally *find(const struct answer_table *table, const struct answer_key *key)
{
    size_t at = hash(key) & (table->room - 1);

    while (table->at[at].events > 0 && !is_key(&table->at[at].key, key))
        at = (at + 1) & (table->room - 1);
    return &table->at[at];
}

static void grow(struct answer_hand *hand, struct answer_table *table)
{
    struct answer_table old = *table;

    table->room = old.room == 0 ? FIRST_ROOM : old.room * 2;
    table->at = arena_new_array(hand->arena, struct answer_tally, table->room);
    answer_take(hand->run, table->room * sizeof(*table->at));
    for (size_t i = 0; i < old.room; i++) {
        if (old.at[i].events > 0)
            *find(table, &old.at[i].key) = old.at[i];
    }
}

/* One more event of the key. */
struct answer_tally *answer_tally(struct answer_hand *hand, struct answer_table *table,
                                  struct answer_key key)
{
    struct answer_tally *tally;

    if (hand->run->cell != NULL) {
        answer_cell_take(hand, key);
        return &hand->unused;
    }
    if (table->count * 2 >= table->room)
        grow(hand, table);
    tally = find(table, &key);
    if (tally->events++ == 0) {
        tally->key = key;
        table->count++;
    }
    if (tally->person != hand->person) {
        tally->person = hand->person;
        tally->people++;
    }
    return tally;
}

/* What was counted elsewhere. */
void answer_tally_add(struct answer_hand *hand, struct answer_table *table,
                      const struct answer_tally *other)
{
    struct answer_tally *tally;

    if (other->events == 0)
        return;
    hand->person++;
    tally = answer_tally(hand, table, other->key);
    tally->people += other->people - 1;
    tally->events += other->events - 1;
    answer_sum_join(&tally->sum, &other->sum);
}

static int by_key(const void *a, const void *b)
{
    const struct answer_key *x = a, *y = b;

    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    if (x->b != y->b)
        return x->b < y->b ? -1 : 1;
    return (x->c > y->c) - (x->c < y->c);
}

/* Without gaps and sorted by key. */
struct answer_table answer_tables_join(struct answer_run *run)
{
    struct answer_table *all = run->hands[0].state;
    size_t count = 0;

    for (int i = 1; i < run->hand_count; i++) {
        const struct answer_table *other = run->hands[i].state;

        for (size_t k = 0; k < other->room; k++)
            answer_tally_add(&run->hands[0], all, &other->at[k]);
    }
    for (size_t i = 0; i < all->room; i++) {
        if (all->at[i].events > 0)
            all->at[count++] = all->at[i];
    }
    if (count > 0)
        qsort(all->at, count, sizeof(*all->at), by_key);
    return (struct answer_table){all->at, count, count};
}

/* Hoare: the values are put about, those of lower ranks before it. */
int64_t answer_rank(int64_t *values, size_t count, size_t rank)
{
    size_t low = 0, high = count - 1;

    while (low < high) {
        int64_t pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;

        for (;;) {
            int64_t held;

            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            held = values[i];
            values[i++] = values[j];
            values[j--] = held;
        }
        if (rank - 1 <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[rank - 1];
}

/* Room for so many rows of the answer. */
enum err answer_rows(struct answer_run *run, int columns, int64_t count, int64_t **cells)
{
    if (count > QUERY_ROW_MAX)
        return E_TOO_LARGE;
    *cells = arena_new_array(run->arena, int64_t, (size_t)(count * columns) + 1);
    run->out->column_count = columns;
    run->out->row_count = count;
    run->out->cells = *cells;
    return OK;
}
