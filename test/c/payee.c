/* The payee's side: books behind a lock, an HTTP server before them. */
#include "payee.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "host/client.h"
#include "host/http.h"

#define NUMBERS_MAX 5000
#define PATIENCE_MS 300
#define LATE_US 600000 /* longer than anybody listens */

struct entry {
    int64_t number, paid_fen;
    int request_count;
    enum payee_mood mood;
};
static struct {
    struct http_server *server;
    pthread_mutex_t lock;
    uint64_t seed;
    int only; /* a mood; -1: by number */
    struct entry entries[NUMBERS_MAX];
    int count, broken_count;
    _Atomic bool is_shut;
    _Atomic int errand_count, unheard_count; /* nobody is called back twice for one call */
    char call_back[200];
} payee = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- books ----------------------------------------------------------------------------------- */

enum payee_mood payee_mood(int64_t number)
{
    uint64_t hash = str_hash((struct str){(const char *)&number, sizeof(number)}, payee.seed);

    return payee.only >= 0 ? (enum payee_mood)payee.only
                           : (enum payee_mood)(hash % PAYEE_MOOD_COUNT);
}

int payee_patience_ms(int64_t number)
{
    return payee_mood(number) == PAYEE_LATE ? PATIENCE_MS : PAYEE_WAIT_MS;
}

static struct entry *entry_find(int64_t number)
{
    for (int i = 0; i < payee.count; i++)
        if (payee.entries[i].number == number)
            return &payee.entries[i];
    return NULL;
}

static struct entry *entry_at(int64_t number)
{
    struct entry *entry = entry_find(number);

    if (entry == NULL && payee.count < NUMBERS_MAX) {
        entry = &payee.entries[payee.count++];
        *entry = (struct entry){.number = number, .mood = payee_mood(number)};
    }
    return entry;
}

/* Each number once, with the amount it came with. */
static void pay_down(struct entry *entry, int64_t amount_fen)
{
    if (entry->paid_fen != 0 && entry->paid_fen != amount_fen)
        payee.broken_count++;
    if (entry->paid_fen == 0)
        entry->paid_fen = amount_fen;
}

int64_t payee_paid_fen(int64_t number)
{
    struct entry *entry;
    int64_t paid_fen;

    pthread_mutex_lock(&payee.lock);
    entry = entry_find(number);
    paid_fen = entry ? entry->paid_fen : 0;
    pthread_mutex_unlock(&payee.lock);
    return paid_fen;
}

int payee_paid_count(void)
{
    int count = 0;

    pthread_mutex_lock(&payee.lock);
    for (int i = 0; i < payee.count; i++)
        count += payee.entries[i].paid_fen > 0;
    pthread_mutex_unlock(&payee.lock);
    return count;
}

int payee_broken_count(void)
{
    return payee.broken_count;
}

int payee_mood_count(enum payee_mood mood)
{
    int count = 0;

    pthread_mutex_lock(&payee.lock);
    for (int i = 0; i < payee.count; i++)
        count += payee.entries[i].mood == mood;
    pthread_mutex_unlock(&payee.lock);
    return count;
}

/* ---- what is done behind the answer ---------------------------------------------------------- */

struct errand {
    struct http_request *late; /* answered at last; NULL: none */
    struct http_reply reply;
    struct entry entry; /* called back about; number 0: not */
};

static void call_back(struct arena *arena, const struct entry *entry, const char *status, int nth)
{
    struct client_call call = {
        .url = str_of(payee.call_back),
        .timeout_ms = PAYEE_WAIT_MS,
        .body = str_fmt(arena,
                        "{\"message_id\":\"%" PRId64 "-%d\",\"number\":\"%" PRId64
                        "\",\"status\":\"%s\",\"amount_fen\":%" PRId64 "}",
                        entry->number, nth, entry->number, status, entry->paid_fen),
    };

    if (client_run(arena, &call) != OK)
        payee.unheard_count++;
}

static void *errand_run(void *user)
{
    struct errand *errand = user;
    struct arena *arena = arena_new((size_t)1024 * 1024);

    if (errand->late) {
        usleep(LATE_US);
        http_reply(errand->late, &errand->reply);
    }
    if (errand->entry.number != 0) {
        call_back(arena, &errand->entry, "succeeded", 1);
        call_back(arena, &errand->entry, "succeeded", 1); /* the same message again */
        call_back(arena, &errand->entry, "accepted", 0);  /* an older one, late */
    }
    arena_free(arena);
    free(errand);
    payee.errand_count--;
    return NULL;
}

static void errand_send(const struct errand *what)
{
    struct errand *errand = malloc(sizeof(*errand));
    pthread_attr_t attr;
    pthread_t thread;

    *errand = *what;
    payee.errand_count++;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, errand_run, errand) != 0)
        abort();
    pthread_attr_destroy(&attr);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct str said(struct arena *arena, const struct entry *entry, const char *status,
                       int64_t amount_fen)
{
    return str_fmt(arena,
                   "{\"number\":\"%" PRId64 "\",\"status\":\"%s\",\"amount_fen\":%" PRId64
                   ",\"no\":\"P%" PRId64 "\"}",
                   entry->number, status, amount_fen, entry->number);
}

static void answer(struct http_request *request, int status, struct str body)
{
    http_reply(request,
               &(struct http_reply){.status = status, .type = "application/json", .body = body});
}

static void pay_answer(struct http_request *request, const struct entry *entry)
{
    struct arena *arena = http_arena(request);
    struct str done = said(arena, entry, "succeeded", entry->paid_fen);

    switch (entry->mood) {
    case PAYEE_DEAF:
        answer(request, entry->paid_fen ? 200 : 503, entry->paid_fen ? done : S("{}"));
        return;
    case PAYEE_MUTE:
        answer(request, 500, S("{}"));
        return;
    case PAYEE_REFUSES:
        answer(request, 200, said(arena, entry, "failed", entry->paid_fen));
        return;
    case PAYEE_LIES:
        answer(request, 200, said(arena, entry, "succeeded", entry->paid_fen + 1));
        return;
    case PAYEE_LATE: /* the body must outlive this call: no body */
        errand_send(&(struct errand){.late = request, .reply = {.status = 204}});
        return;
    case PAYEE_SLOW:
        answer(request, 200, said(arena, entry, "accepted", entry->paid_fen));
        errand_send(&(struct errand){.entry = *entry});
        return;
    default:
        answer(request, 200, done);
    }
}

/* POST /pay {"number":"5","amount_fen":100} */
static void pay(struct http_request *request)
{
    struct json json;
    struct entry entry = {0}, *kept;
    int64_t number = 0;

    if (json_parse(http_arena(request), http_body(request), &json, NULL) != OK ||
        !str_to_int(json_get(&json, "number")->text, &number)) {
        answer(request, 400, S("{}"));
        return;
    }
    pthread_mutex_lock(&payee.lock);
    kept = entry_at(number);
    if (kept) {
        kept->request_count++;
        if (kept->mood != PAYEE_REFUSES && (kept->mood != PAYEE_DEAF || kept->request_count > 2))
            pay_down(kept, json_get(&json, "amount_fen")->integer);
        entry = *kept;
    }
    pthread_mutex_unlock(&payee.lock);
    pay_answer(request, &entry);
}

/* GET /ask?number=5 */
static void ask(struct http_request *request)
{
    struct str number_text = str_sub(http_query(request), strlen("number="), 30);
    struct entry entry = {0}, *kept;
    int64_t number = 0;

    str_to_int(number_text, &number);
    pthread_mutex_lock(&payee.lock);
    kept = entry_find(number);
    if (kept)
        entry = *kept;
    pthread_mutex_unlock(&payee.lock);
    if (entry.paid_fen == 0)
        answer(request, entry.mood == PAYEE_REFUSES && kept ? 200 : 404,
               said(http_arena(request), &entry, "failed", 0));
    else
        answer(request, 200,
               said(http_arena(request), &entry, "succeeded",
                    entry.paid_fen + (entry.mood == PAYEE_LIES)));
}

/* GET /bill: everything that left. */
static void bill(struct http_request *request)
{
    struct arena *arena = http_arena(request);
    struct buf buf;

    buf_init(&buf, 4 * 1024 * 1024);
    buf_char(&buf, '[');
    pthread_mutex_lock(&payee.lock);
    for (int i = 0; i < payee.count; i++)
        if (payee.entries[i].paid_fen > 0) {
            if (buf.len > 1)
                buf_char(&buf, ',');
            buf_str(&buf, said(arena, &payee.entries[i], "succeeded", payee.entries[i].paid_fen));
        }
    pthread_mutex_unlock(&payee.lock);
    buf_char(&buf, ']');
    answer(request, 200, buf_view(&buf));
    buf_release(&buf);
}

static void on_request(void *user, struct http_request *request)
{
    struct str path = http_path(request);

    (void)user;
    if (payee.is_shut)
        answer(request, 503, S("{}"));
    else if (str_is(path, "/pay"))
        pay(request);
    else if (str_is(path, "/ask"))
        ask(request);
    else
        bill(request);
}

/* ---- open and close -------------------------------------------------------------------------- */

void payee_start(uint64_t seed)
{
    struct http_config config;

    payee.seed = seed;
    payee.only = -1;
    payee.is_shut = false;
    payee.count = payee.broken_count = 0;
    http_config_init(&config);
    config.listen = S("127.0.0.1:0");
    config.on_request = on_request;
    config.loop_count = 1;
    must(http_start(&config, &payee.server) == OK);
}

void payee_rest(void)
{
    while (payee.errand_count > 0)
        usleep(10000);
}

void payee_stop(void)
{
    payee_rest();
    http_stop(payee.server, 2000);
    http_free(payee.server);
}

struct str payee_url(struct arena *arena)
{
    return str_fmt(arena, "http://127.0.0.1:%d", http_port(payee.server));
}

void payee_call_back(struct str url)
{
    must(url.len < sizeof(payee.call_back));
    memcpy(payee.call_back, url.at, url.len);
    payee.call_back[url.len] = '\0';
}

void payee_shut(bool is_shut)
{
    payee.is_shut = is_shut;
}

void payee_only(enum payee_mood mood)
{
    payee.only = (int)mood;
}
