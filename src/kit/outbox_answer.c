/* What the sender has run for it: a page of messages read and made on a reader, and a batch of
 * answers on the writer. Always: a message's end and what its kind makes of it are one commit. */
#include "base/utf8.h"
#include "gen/outbox.q.h"
#include "kit/counter.h"
#include "kit/node.h"
#include "kit/outbox_private.h"
#include "kit/timer_private.h"

#define TIMEOUT_MS 10000
#define ATTEMPT_MAX 12
#define WORDS_MAX 300
#define EXCERPT_MAX 200
#define LEASE_MS 30000
#define WEEK_KEEP_MS (INT64_C(60) * 24 * 3600 * 1000) /* longer than anything is tried */

/* ---- reading --------------------------------------------------------------------------------- */

enum err outbox_queues_read(struct ctx *c, void *user)
{
    struct outbox_queues *queues = user;

    c->now_ms = worker_now_ms(c->app);
    queues->is_ours = true;
    if (c->app->is_shared)
        TRY(lease_take(c, "outbox", LEASE_MS, &queues->is_ours));
    if (!queues->is_ours)
        return OK;
    TRY(outbox_rules_read(c, &queues->rules));
    return q_outbox_queues(c, &queues->rows);
}

static enum err request_make(struct ctx *c, struct delivery *delivery, struct str body_enc)
{
    struct outbox_request request = {.timeout_ms = TIMEOUT_MS};
    struct outbox_message *message = &delivery->message;
    struct client_send *send = &delivery->send;

    if (delivery->kind == NULL)
        return fail(c, E_INPUT, "outbox.kind", "this program knows no such kind");
    TRY(ctx_unseal(c, body_enc, "outbox", message->id, &message->body));
    TRY(delivery->kind->request(c, message, &request));
    must(request.header_count <= OUTBOX_HEADERS_MAX);
    send->url = request.url;
    send->body = request.body;
    send->timeout_ms = request.timeout_ms ? request.timeout_ms : TIMEOUT_MS;
    send->is_public_only = request.is_public_only;
    send->header_count = request.header_count;
    for (int i = 0; i < request.header_count; i++)
        send->headers[i] = request.headers[i];
    return OK;
}

static void delivery_make(struct ctx *c, struct outbox_page *page, struct delivery *delivery,
                          const struct q_outbox_page_row *row)
{
    *delivery = (struct delivery){
        .message = {.id = row->id,
                    .key_id = row->key_id,
                    .customer_id = row->customer_id,
                    .attempt_count = row->attempt_count,
                    .destination = page->destination},
        .kind = outbox_kind_find(c->app, row->kind),
        .order_id = row->order_id,
        .due_ms = row->due_ms,
        .queue = page->queue,
        .page = page,
        .fault = page->fault,
        .is_unmade = page->is_buried,
    };
    c->fault = (struct fault){0};
    if (page->is_buried || request_make(c, delivery, row->body_enc) == OK)
        return;
    delivery->is_unmade = true;
    delivery->fault = c->fault;
    if (c->fault.code == NULL)
        delivery->fault.code = "outbox.request";
}

enum err outbox_page_read(struct ctx *c, void *user)
{
    struct outbox_page *page = user;
    struct q_outbox_page_in in = {.destination = page->destination,
                                  .after_ms = page->after_ms,
                                  .after_id = page->after_id,
                                  .limit_count = page->limit_count};
    const struct q_outbox_page_row *rows;
    struct list list;

    c->now_ms = worker_now_ms(c->app);
    TRY(q_outbox_page(c, &in, &list));
    rows = list.at;
    page->count = list.count;
    page->deliveries = arena_new_array(c->arena, struct delivery, (size_t)list.count + 1);
    for (int64_t i = 0; i < list.count; i++)
        delivery_make(c, page, &page->deliveries[i], &rows[i]);
    return OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum outbox_verdict verdict_of(const struct delivery *delivery)
{
    int status = delivery->send.status;

    if (delivery->fault.code)
        return delivery->is_unmade ? OUTBOX_DEAD : OUTBOX_RETRY;
    if (status >= 200 && status < 300)
        return OUTBOX_DONE;
    if (status < 400 || status >= 500 || status == 408 || status == 425 || status == 429)
        return OUTBOX_RETRY;
    return OUTBOX_DEAD;
}

static enum err verdict_ask(struct ctx *c, const struct delivery *delivery,
                            struct outbox_answer *answer, enum outbox_verdict *verdict)
{
    int64_t attempt_max =
        delivery->kind && delivery->kind->attempt_max ? delivery->kind->attempt_max : ATTEMPT_MAX;

    *answer = (struct outbox_answer){delivery->send.status, buf_view(&delivery->send.reply),
                                     str_of(delivery->send.words)};
    *verdict = verdict_of(delivery);
    if (delivery->fault.code)
        answer->words =
            str_fmt(c->arena, "%s: %.*s", delivery->fault.code, STR(delivery->fault.message));
    else if (delivery->kind && delivery->kind->answered)
        TRY(delivery->kind->answered(c, &delivery->message, answer, verdict));
    if (*verdict == OUTBOX_RETRY && delivery->message.attempt_count + 1 >= attempt_max)
        *verdict = OUTBOX_DEAD;
    return OK;
}

/* ---- the person's week ----------------------------------------------------------------------- */

/* The same again counts once. Full: the message is over, for next week it would come too late. */
static enum err week_take(struct ctx *c, const struct outbox_answers *answers,
                          struct delivery *delivery, struct q_outbox_end_in *end, bool *is_ended)
{
    struct counter counter = {.name = "outbox_week",
                              .subject_id = delivery->message.customer_id,
                              .window = WINDOW_WEEK,
                              .limit_count = answers->week_max_count};
    struct counter_hold hold = {"outbox", delivery->message.id, 1, c->now_ms + WEEK_KEEP_MS};
    enum err err = counter_reserve(c, &counter, &hold);

    delivery->is_cleared = err == OK;
    *is_ended = err == E_CONFLICT;
    if (err != E_CONFLICT)
        return err;
    c->fault = (struct fault){0};
    *end = (struct q_outbox_end_in){
        .status = S("cancelled"),
        .due_ms = delivery->due_ms,
        .attempt_count = delivery->message.attempt_count,
        .status_count = NONE,
        .error_message = str_fmt(c->arena, "over the week's %" PRId64 " messages a person",
                                 answers->week_max_count),
        .id = delivery->message.id,
    };
    return OK;
}

/* What was given up once and is sent by hand was counted then, or not: the message matters more. */
static enum err week_settle(struct ctx *c, const struct delivery *delivery,
                            enum outbox_verdict verdict)
{
    enum err err;

    if (!delivery->is_cleared || verdict == OUTBOX_RETRY)
        return OK;
    err = verdict == OUTBOX_DONE ? counter_confirm(c, "outbox", delivery->message.id)
                                 : counter_release(c, "outbox", delivery->message.id);
    if (err != E_CONFLICT && err != E_NOT_FOUND)
        return err;
    c->fault = (struct fault){0};
    return OK;
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* In one line. */
static struct str excerpt_of(struct ctx *c, struct str body)
{
    struct str text = utf8_head(str_sub(body, 0, utf8_valid_len(body)), EXCERPT_MAX);
    char *at = arena_alloc(c->arena, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        at[i] = (unsigned char)text.at[i] < ' ' ? ' ' : text.at[i];
    return str_trim((struct str){at, text.len});
}

static struct str words_of(struct ctx *c, const struct outbox_kind *kind,
                           const struct outbox_answer *answer)
{
    struct str excerpt = {0};

    if (answer->words.at)
        return str_sub(answer->words, 0, WORDS_MAX);
    if (kind && kind->keeps_answer)
        excerpt = excerpt_of(c, answer->body);
    return str_fmt(c->arena, "HTTP %d%s%.*s", answer->status, excerpt.len ? ": " : "",
                   STR(excerpt));
}

/* When the other side asked to be left alone: after that, and not all at once. */
static int64_t again_ms(const struct ctx *c, const struct delivery *delivery)
{
    int64_t id = delivery->message.id,
            own_ms = timer_backoff_ms(delivery->message.attempt_count, id),
            asked_ms = delivery->send.retry_after_ms;

    if (asked_ms > 0)
        asked_ms += timer_backoff_ms(0, id);
    return c->now_ms + (own_ms > asked_ms ? own_ms : asked_ms);
}

static enum err end_make(struct ctx *c, const struct delivery *delivery,
                         struct q_outbox_end_in *end)
{
    static const char *const statuses[] = {"sent", "waiting", "dead", "cancelled"};
    struct outbox_answer answer;
    enum outbox_verdict verdict;

    TRY(verdict_ask(c, delivery, &answer, &verdict));
    TRY(week_settle(c, delivery, verdict));
    *end = (struct q_outbox_end_in){
        .status = str_of(statuses[verdict]),
        .due_ms = delivery->due_ms,
        .attempt_count = delivery->message.attempt_count + 1,
        .status_count = answer.status ? answer.status : NONE,
        .error_message =
            verdict == OUTBOX_DONE ? (struct str){0} : words_of(c, delivery->kind, &answer),
        .id = delivery->message.id,
    };
    if (verdict == OUTBOX_RETRY)
        end->due_ms = again_ms(c, delivery);
    return OK;
}

/* The rows of one batch, by what becomes of them. */
struct rows {
    struct q_outbox_end_in *ends;
    struct q_outbox_hold_up_in *behind;
    struct q_outbox_move_in *moves;
    int64_t end_count, behind_count, move_count;
};

static enum err row_add(struct ctx *c, const struct outbox_answers *answers, struct rows *rows,
                        struct delivery *delivery)
{
    struct q_outbox_end_in *end = &rows->ends[rows->end_count];
    bool is_ended = false;

    delivery->is_looked_after = true;
    if (delivery->is_put_off) {
        rows->moves[rows->move_count++] =
            (struct q_outbox_move_in){delivery->due_ms, delivery->message.id};
        return OK;
    }
    if (delivery->is_clearing && delivery->fault.code == NULL) {
        TRY(week_take(c, answers, delivery, end, &is_ended));
        rows->end_count += is_ended;
        return OK;
    }
    TRY(end_make(c, delivery, end));
    rows->end_count++;
    delivery->is_looked_after = delivery->order_id != NONE || str_is(end->status, "waiting");
    if (delivery->order_id != NONE && str_is(end->status, "waiting"))
        rows->behind[rows->behind_count++] =
            (struct q_outbox_hold_up_in){.due_ms = end->due_ms,
                                         .destination = delivery->message.destination,
                                         .order_id = delivery->order_id,
                                         .id = end->id};
    return OK;
}

enum err outbox_answers_write(struct ctx *c, void *user)
{
    const struct outbox_answers *answers = user;
    size_t count = (size_t)answers->count;
    struct rows rows = {.ends = arena_new_array(c->arena, struct q_outbox_end_in, count),
                        .behind = arena_new_array(c->arena, struct q_outbox_hold_up_in, count),
                        .moves = arena_new_array(c->arena, struct q_outbox_move_in, count)};

    for (int64_t i = 0; i < answers->count; i++)
        TRY(row_add(c, answers, &rows, answers->deliveries[i]));
    c->topics |= LIVE_MESSAGES;
    if (rows.end_count > 0)
        TRY(q_outbox_end(c, rows.ends, rows.end_count, NULL));
    if (rows.behind_count > 0)
        TRY(q_outbox_hold_up(c, rows.behind, rows.behind_count, NULL));
    return rows.move_count > 0 ? q_outbox_move(c, rows.moves, rows.move_count, NULL) : OK;
}
