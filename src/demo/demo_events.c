/* What the customers of the demo do besides buying: they add the shop, come by invitation, look at
 * goods before an order, read, check in, answer. Written as one CSV file in the order of time. */
#include "base/csv.h"
#include "demo/demo_private.h"
#include "host/file.h"

#include <stdlib.h>

#define EVENT_MAX 300000
#define STREAM_EVENTS 3

enum kind {
    FRIEND_ADDED,
    OFFICIAL_FOLLOWED,
    MEMBER_REGISTERED,
    INVITE_ACCEPTED,
    PRODUCT_VIEWED,
    ADDED_TO_CART,
    PAGE_VIEWED,
    CONTENT_VIEWED,
    CONTENT_SHARED,
    CHECKED_IN,
    LINK_CLICKED,
    LIVE_WATCHED,
    MESSAGE_REPLIED,
    KIND_COUNT
};
static const char *const kind_names[KIND_COUNT] = {
    "friend_added",  "official_followed", "member_registered", "invite_accepted", "product_viewed",
    "added_to_cart", "page_viewed",       "content_viewed",    "content_shared",  "checked_in",
    "link_clicked",  "live_watched",      "message_replied",
};

struct doing {
    int second, customer;
    int16_t kind, what; /* what: product, content, page ... of the kind */
};

struct writer {
    struct demo_world *world;
    struct random random;
    struct doing *doings;
    int64_t count;
};

static void doing_add(struct writer *writer, enum kind kind, int customer, int second)
{
    if (second < 0 || second >= YEAR_S || writer->count == EVENT_MAX)
        return;
    writer->doings[writer->count++] = (struct doing){
        .second = second,
        .customer = customer,
        .kind = (int16_t)kind,
        .what = (int16_t)random_below(&writer->random, 24),
    };
}

/* ---- arriving, shopping, browsing ------------------------------------------------------------ */

static void arriving(struct writer *writer, int index)
{
    const struct demo_customer *customer = &writer->world->customers[index];
    double u = random_unit(&writer->random);

    if (customer->inviter != NOBODY)
        doing_add(writer, INVITE_ACCEPTED, index, customer->touched_s);
    if (customer->added_s != NOT_EVER)
        doing_add(writer,
                  u < 0.72   ? FRIEND_ADDED
                  : u < 0.88 ? MEMBER_REGISTERED
                             : OFFICIAL_FOLLOWED,
                  index, customer->added_s);
}

static void shopping(struct writer *writer, const struct demo_order *order)
{
    struct random *random = &writer->random;
    int second = order->placed_s - 400 - (int)random_below(random, 3600);

    if (second < writer->world->customers[order->customer].touched_s)
        return;
    if (random_chance(random, 0.62)) {
        doing_add(writer, PRODUCT_VIEWED, order->customer, second);
        if (writer->count > 0)
            writer->doings[writer->count - 1].what = (int16_t)order->lines[0].product;
    }
    if (random_chance(random, 0.38)) {
        doing_add(writer, ADDED_TO_CART, order->customer, order->placed_s - 60);
        if (writer->count > 0)
            writer->doings[writer->count - 1].what = (int16_t)order->lines[0].product;
    }
}

static enum kind browsing_kind(struct random *random)
{
    static const double until[] = {0.40, 0.64, 0.68, 0.82, 0.90, 0.94, 1.0};

    return (enum kind)(PAGE_VIEWED + random_pick(random, until, ARRAY_LEN(until)));
}

/* Interest fades from the first touch; with those who still buy it stays. */
static void browsing(struct writer *writer, int index)
{
    const struct demo_customer *customer = &writer->world->customers[index];
    struct random *random = &writer->random;
    double until_s = (double)(customer->order_count > 0 ? customer->last_order_s + 30 * DAY_S
                                                        : customer->touched_s + 60 * DAY_S);
    double at = (double)customer->touched_s;
    double gap = 7.0 * DAY_S / (customer->activity + 0.05);

    for (int i = 0; i < 60; i++) {
        at += random_exponential(random, gap);
        gap *= customer->order_count > 0 ? 1.03 : 1.25;
        if (at >= until_s || at >= (double)YEAR_S)
            return;
        doing_add(writer, browsing_kind(random), index, (int)at);
    }
}

static int doing_compare(const void *a_, const void *b_)
{
    const struct doing *a = a_, *b = b_;

    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    if (a->customer != b->customer)
        return a->customer < b->customer ? -1 : 1;
    return (int)a->kind - (int)b->kind;
}

/* ---- the file -------------------------------------------------------------------------------- */

static const char *const titles[] = {
    "新手妈妈的七天清单", "红屁屁怎么办",   "夜奶还要喂多久", "辅食第一口吃什么", "换季护肤三步",
    "怎样选纸尿裤尺码",   "睡眠倒退期应对", "出牙期的照护",   "秋冬洗澡频率",     "户外防晒要点",
};

enum {
    MESSAGE,
    KIND,
    TIME,
    MEMBER,
    PRODUCT,
    CONTENT,
    TITLE,
    URL,
    CODE,
    DONE,
    INVITER_KIND,
    INVITER,
    COLUMN_COUNT
};

static void doing_fill(struct arena *arena, const struct writer *writer, const struct doing *doing,
                       struct str *cells)
{
    const struct demo_customer *customer = &writer->world->customers[doing->customer];
    int what = doing->what;

    switch ((enum kind)doing->kind) {
    case INVITE_ACCEPTED:
        cells[INVITER_KIND] = S("member_no");
        cells[INVITER] = writer->world->customers[customer->inviter].member_no;
        break;
    case PRODUCT_VIEWED:
    case ADDED_TO_CART:
        cells[PRODUCT] = str_of(demo_products[what % demo_product_count].code);
        break;
    case PAGE_VIEWED:
    case LINK_CLICKED:
        cells[URL] = str_fmt(arena, "/mall/page/%d", what + 1);
        break;
    case CONTENT_VIEWED:
    case CONTENT_SHARED:
        cells[CONTENT] = str_fmt(arena, "note-%02d", what % (int)ARRAY_LEN(titles) + 1);
        cells[TITLE] = str_of(titles[what % (int)ARRAY_LEN(titles)]);
        break;
    case CHECKED_IN:
        cells[DONE] = str_fmt(arena, "%d", what % 7 + 1);
        break;
    case LIVE_WATCHED:
        cells[CODE] = str_fmt(arena, "live-%02d", what + 1);
        break;
    default:
        break;
    }
}

static void doing_write(struct arena *arena, const struct writer *writer, int64_t index,
                        struct buf *buf)
{
    const struct doing *doing = &writer->doings[index];
    struct str cells[COLUMN_COUNT] = {0};

    cells[MESSAGE] = str_fmt(arena, "demo-%" PRId64 "-%" PRId64 "-%" PRId64,
                             writer->world->seed_number, writer->world->first_day, index + 1);
    cells[KIND] = str_of(kind_names[doing->kind]);
    cells[TIME] = demo_time(arena, writer->world, doing->second);
    cells[MEMBER] = writer->world->customers[doing->customer].member_no;
    doing_fill(arena, writer, doing, cells);
    for (int i = 0; i < COLUMN_COUNT; i++)
        csv_write(buf, cells[i].at == NULL ? S("") : cells[i], i == COLUMN_COUNT - 1);
}

static enum err doings_write(struct writer *writer, struct str path)
{
    struct arena *arena = writer->world->arena;
    struct arena *line = arena_new(4 * 1024 * 1024);
    struct file_writer *file;
    struct buf buf;
    enum err err = file_create(arena, path, &file);

    buf_init(&buf, 64 * 1024);
    buf_str(&buf, S("message_id,kind,time,member_no,props.product_code,props.content_code,"
                    "props.title,props.url,props.code,props.done_count,props.inviter_kind,"
                    "props.inviter_value\r\n"));
    for (int64_t i = 0; i < writer->count && err == OK; i++) {
        doing_write(line, writer, i, &buf);
        if (buf.len > 32 * 1024) {
            err = file_append(file, buf_view(&buf));
            buf_reset(&buf);
            arena_reset(line);
        }
    }
    if (err == OK)
        err = file_append(file, buf_view(&buf));
    if (err == OK)
        err = file_finish(file);
    buf_release(&buf);
    arena_free(line);
    return err;
}

enum err demo_events_write(struct demo_world *world, struct str path, int64_t *event_count)
{
    struct writer writer = {.world = world};

    writer.doings = arena_new_array(world->arena, struct doing, EVENT_MAX);
    random_init(&writer.random, world->seed_number, STREAM_EVENTS);
    for (int i = 0; i < world->customer_count; i++)
        arriving(&writer, i);
    for (int64_t i = 0; i < world->order_count; i++)
        shopping(&writer, &world->orders[i]);
    for (int i = 0; i < world->customer_count; i++)
        browsing(&writer, i);
    qsort(writer.doings, (size_t)writer.count, sizeof(writer.doings[0]), doing_compare);
    *event_count = writer.count;
    return doings_write(&writer, path);
}
