/* Replies: composed by the thread that gives them, sent by the connection's loop. On the loop's own
 * thread a small reply goes straight into the cork, without lock or detour. */
#include "host/http_private.h"

#include <time.h>

/* Replies of this thread that wait for http_replies_end. */
static _Thread_local struct {
    struct http_mail *first, *last;
    int depth;
} held;

static _Thread_local struct {
    time_t second;
    char text[32];
    struct str view;
} date;

static struct str date_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (date.view.at == NULL || now.tv_sec != date.second) {
        date.second = now.tv_sec;
        date.view = http_text_date(date.text, now.tv_sec);
    }
    return date.view;
}

static void add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void http_reply_head(struct buf *buf, const struct http_request *request,
                     const struct http_reply *reply, int64_t body_bytes, bool is_last)
{
    if (reply->status == 200) {
        buf_str(buf, S("HTTP/1.1 200 OK\r\nDate: "));
    } else {
        buf_str(buf, S("HTTP/1.1 "));
        buf_int(buf, reply->status);
        buf_char(buf, ' ');
        add_text(buf, http_text_reason(reply->status));
        buf_str(buf, S("\r\nDate: "));
    }
    buf_str(buf, date_now());
    if (reply->type != NULL) {
        buf_str(buf, S("\r\nContent-Type: "));
        add_text(buf, reply->type);
    }
    if (body_bytes >= 0 && reply->status != 204 && reply->status != 304) {
        buf_str(buf, S("\r\nContent-Length: "));
        buf_int(buf, body_bytes);
    }
    if (is_last)
        buf_str(buf, S("\r\nConnection: close"));
    else if (request->is_http10)
        buf_str(buf, S("\r\nConnection: keep-alive"));
    buf_str(buf, S("\r\n"));
    buf_str(buf, reply->headers);
    buf_str(buf, S("\r\n"));
}

static struct str body_to_send(const struct http_request *request, const struct http_reply *reply)
{
    bool has_body = request->method != HTTP_HEAD && reply->status != 204 && reply->status != 304;

    return has_body ? reply->body : S("");
}

static void compose(struct buf *buf, const struct http_request *request,
                    const struct http_reply *reply)
{
    http_reply_head(buf, request, reply, (int64_t)reply->body.len, request->is_last);
    buf_str(buf, body_to_send(request, reply));
}

/* The composed reply of request->out leaves; loop thread. */
static void send_composed(struct http_request *request)
{
    struct http_conn *conn = request->conn;
    struct http_out *out = request->out;

    request->out = NULL;
    http_conn_send(conn, out);
    http_conn_replied(conn);
}

static void mail_reply(struct http_mail *mail)
{
    send_composed((struct http_request *)mail); /* mail is its first member */
}

void http_reply_here(struct http_request *request, const struct http_reply *reply)
{
    struct http_conn *conn = request->conn;
    struct buf *cork = &conn->loop->cork;
    struct str body = body_to_send(request, reply);

    if (conn->loop->corked != conn) {
        compose(&request->out->buf, request, reply);
        send_composed(request);
        return;
    }
    http_reply_head(cork, request, reply, (int64_t)reply->body.len, request->is_last);
    if (body.len <= HTTP_SMALL_BODY)
        buf_str(cork, body);
    else
        http_conn_flush(conn, body);
    http_conn_replied(conn);
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
    if (http_loop_is_mine(request->mail.loop)) {
        http_reply_here(request, reply);
        return;
    }
    compose(&request->out->buf, request, reply);
    request->mail.run = mail_reply;
    http_loop_post(&request->mail);
}

/* ---- mails to a loop ------------------------------------------------------------------------- */

/* Puts a chain on the loop's stack; only who finds it empty has to wake the loop. */
static void push(struct http_loop *loop, struct http_mail *newest, struct http_mail *oldest)
{
    struct http_mail *head = atomic_load_explicit(&loop->mails, memory_order_relaxed);

    do {
        oldest->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->mails, &head, newest,
                                                    memory_order_release, memory_order_relaxed));
    if (head == NULL)
        uv_async_send(&loop->wake);
}

void http_loop_post(struct http_mail *mail)
{
    if (held.depth == 0) {
        push(mail->loop, mail, mail);
        return;
    }
    mail->next = NULL;
    if (held.last != NULL)
        held.last->next = mail;
    else
        held.first = mail;
    held.last = mail;
}

void http_replies_begin(void)
{
    held.depth++;
}

/* Takes the mails of the first one's loop out of *list; newest first, as the stack wants them. */
static struct http_mail *take_chain(struct http_mail **list, struct http_mail **oldest)
{
    struct http_loop *loop = (*list)->loop;
    struct http_mail *chain = NULL, *mail;

    while (*list != NULL) {
        mail = *list;
        if (mail->loop != loop) {
            list = &mail->next;
            continue;
        }
        *list = mail->next;
        if (chain == NULL)
            *oldest = mail;
        mail->next = chain;
        chain = mail;
    }
    return chain;
}

void http_replies_end(void)
{
    must(held.depth > 0);
    if (--held.depth > 0)
        return;
    while (held.first != NULL) {
        struct http_loop *loop = held.first->loop;
        struct http_mail *oldest = NULL;
        struct http_mail *newest = take_chain(&held.first, &oldest);

        push(loop, newest, oldest);
    }
    held.last = NULL;
}
