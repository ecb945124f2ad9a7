/* The world as files, of the kind any shop can export: customers, orders, costs, events. */
#include "base/csv.h"
#include "demo/demo_private.h"
#include "host/file.h"

#define STREAM_COSTS 4
#define STREAM_CHANNELS 5

/* ---- one file, record by record -------------------------------------------------------------- */

struct table {
    struct file_writer *writer;
    struct arena *line; /* of the record being written */
    struct buf buf;
    enum err err;
};

static void table_begin(struct table *table, struct arena *arena, struct str path,
                        const char *header)
{
    *table = (struct table){.line = arena_new(4 * 1024 * 1024)};
    table->err = file_create(arena, path, &table->writer);
    buf_init(&table->buf, 128 * 1024);
    buf_fmt(&table->buf, "%s\r\n", header);
}

static void table_row(struct table *table, const struct str *cells, int count)
{
    for (int i = 0; i < count; i++)
        csv_write(&table->buf, cells[i].at == NULL ? S("") : cells[i], i == count - 1);
    if (table->buf.len < 64 * 1024)
        return;
    if (table->err == OK)
        table->err = file_append(table->writer, buf_view(&table->buf));
    buf_reset(&table->buf);
    arena_reset(table->line);
}

static enum err table_end(struct table *table)
{
    if (table->err == OK)
        table->err = file_append(table->writer, buf_view(&table->buf));
    if (table->err == OK)
        table->err = file_finish(table->writer);
    buf_release(&table->buf);
    arena_free(table->line);
    return table->err;
}

struct str demo_time(struct arena *arena, const struct demo_world *world, int second)
{
    int of_day = second % DAY_S;
    int year, month, date;

    day_to_date(world->first_day + second / DAY_S, &year, &month, &date);
    return str_fmt(arena, "%04d-%02d-%02d %02d:%02d:%02d", year, month, date, of_day / 3600,
                   of_day / 60 % 60, of_day % 60);
}

static struct str money(struct arena *arena, int64_t fen)
{
    return str_fmt(arena, "%" PRId64 ".%02d", fen / 100, (int)(fen % 100));
}

/* ---- customers ------------------------------------------------------------------------------- */

static enum err customers_write(struct demo_world *world, struct str path)
{
    struct table table;

    table_begin(&table, world->arena, path,
                "member_no,name,phone,region,channel,touched_at,added_at,invited_by,baby_month");
    for (int64_t i = 0; i < world->customer_count; i++) {
        const struct demo_customer *c = &world->customers[i];
        int64_t baby_day = c->baby_month * 30; /* months of 30 days since 1970 */
        struct str cells[] = {
            c->member_no,
            c->name,
            c->added_s == NOT_EVER ? S("") : c->phone, /* who did not add has left no phone */
            str_of(c->region),
            str_of(demo_channels[c->channel].code),
            demo_time(table.line, world, c->touched_s),
            c->added_s == NOT_EVER ? S("") : demo_time(table.line, world, c->added_s),
            c->inviter == NOBODY ? S("") : world->customers[c->inviter].member_no,
            str_sub(day_iso(table.line, baby_day), 0, 7),
        };
        table_row(&table, cells, ARRAY_LEN(cells));
    }
    return table_end(&table);
}

/* ---- orders ---------------------------------------------------------------------------------- */

/* Where an order was placed: guides sell to their own, the live room and messages sell to all. */
static struct str order_channel(struct random *random, const struct demo_customer *customer)
{
    struct str code = str_of(demo_channels[customer->channel].code);

    if (str_starts(code, S("store-")) && random_chance(random, 0.55))
        return code;
    if (random_chance(random, 0.07))
        return S("kol-live");
    if (random_chance(random, 0.04))
        return S("sms");
    return S("");
}

static enum err orders_write(struct demo_world *world, struct str path)
{
    struct table table;
    struct random random;

    random_init(&random, world->seed_number, STREAM_CHANNELS);
    table_begin(&table, world->arena, path,
                "order_no,member_no,time,product_code,product_name,quantity,price,channel");
    for (int64_t i = 0; i < world->order_count; i++) {
        const struct demo_order *order = &world->orders[i];
        const struct demo_customer *customer = &world->customers[order->customer];
        struct str channel = order_channel(&random, customer);
        for (int64_t k = 0; k < order->line_count; k++) {
            const struct demo_line *line = &order->lines[k];
            struct str cells[] = {
                demo_order_no(table.line, world, i),
                customer->member_no,
                demo_time(table.line, world, order->placed_s),
                str_of(demo_products[line->product].code),
                str_of(demo_products[line->product].name),
                str_fmt(table.line, "%" PRId64, line->quantity_count),
                money(table.line, line->price_fen),
                channel,
            };
            table_row(&table, cells, ARRAY_LEN(cells));
        }
    }
    return table_end(&table);
}

/* ---- costs: each channel by the week --------------------------------------------------------- */

#define WEEK_COUNT ((DEMO_DAY_COUNT + 6) / 7)

static enum err costs_write(struct demo_world *world, struct str path)
{
    int64_t *touched =
        arena_new_array(world->arena, int64_t, (size_t)(demo_channel_count * WEEK_COUNT));
    struct table table;
    struct random random;

    for (int64_t i = 0; i < world->customer_count; i++) {
        const struct demo_customer *c = &world->customers[i];
        touched[c->channel * WEEK_COUNT + c->touched_s / (7 * DAY_S)]++;
    }
    random_init(&random, world->seed_number, STREAM_COSTS);
    table_begin(&table, world->arena, path, "cost_no,channel,date,cost,note");
    for (int64_t i = 0; i < demo_channel_count * WEEK_COUNT; i++) {
        const struct demo_channel *channel = &demo_channels[i / WEEK_COUNT];
        int64_t week = i % WEEK_COUNT, day = world->first_day + week * 7;
        double yuan = channel->cac_yuan * (double)touched[i] * (0.85 + 0.3 * random_unit(&random)) +
                      channel->month_yuan * 12.0 / 52.0;
        struct str cells[] = {
            str_fmt(table.line, "%s-w%02d", channel->code, (int)week + 1),
            str_of(channel->code),
            day_iso(table.line, day),
            money(table.line, (int64_t)(yuan * 100.0)),
            str_fmt(table.line, "第 %d 周", (int)week + 1),
        };
        if (yuan >= 0.01)
            table_row(&table, cells, ARRAY_LEN(cells));
    }
    return table_end(&table);
}

enum err demo_files_write(struct demo_world *world, struct str folder, int64_t *event_count)
{
    struct arena *arena = world->arena;

    TRY(customers_write(world, str_fmt(arena, "%.*s/customers.csv", STR(folder))));
    TRY(orders_write(world, str_fmt(arena, "%.*s/orders.csv", STR(folder))));
    TRY(costs_write(world, str_fmt(arena, "%.*s/costs.csv", STR(folder))));
    return demo_events_write(world, str_fmt(arena, "%.*s/events.csv", STR(folder)), event_count);
}
