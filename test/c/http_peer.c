/* See http_peer.h. */
#include "http_peer.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void); /* gcc ships no header for it */
#endif

#define ANSWER_MAX (16 * 1024 * 1024)

static char heard[ANSWER_MAX];
static bool heard_end;

int peer_dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

int peer_dial_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void peer_say(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t done = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);

        if (done < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        assert_true(done > 0);
        bytes = str_sub(bytes, (size_t)done, bytes.len);
    }
}

struct str peer_hear_within(int fd, const char *until, int most_ms)
{
    size_t len = 0, until_len = until != NULL ? strlen(until) : 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    heard_end = false;
    while (len < sizeof(heard) && poll(&ready, 1, most_ms) == 1) {
        ssize_t part = recv(fd, heard + len, sizeof(heard) - len, 0);

        heard_end = part <= 0;
        if (heard_end)
            break;
        len += (size_t)part;
        if (until != NULL && memmem(heard, len, until, until_len) != NULL)
            break;
    }
    return (struct str){heard, len};
}

struct str peer_hear(int fd, const char *until)
{
    return peer_hear_within(fd, until, PEER_WAIT_MS);
}

bool peer_heard_end(void)
{
    return heard_end;
}

int peer_status(struct str answer)
{
    int64_t status;

    if (!str_starts(answer, S("HTTP/1.1 ")) || !str_to_int(str_sub(answer, 9, 3), &status))
        return 0;
    return (int)status;
}

bool peer_has(struct str answer, const char *part)
{
    return str_find(answer, str_of(part)) >= 0;
}

int peer_count(struct str answer, const char *part)
{
    int count = 0;
    int64_t at;

    while ((at = str_find(answer, str_of(part))) >= 0) {
        count++;
        answer = str_sub(answer, (size_t)at + strlen(part), answer.len);
    }
    return count;
}

struct str peer_ask(int port, struct str request)
{
    int fd = peer_dial(port);
    struct str answer;

    peer_say(fd, request);
    answer = peer_hear(fd, NULL);
    close(fd);
    return answer;
}

int64_t peer_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void peer_nap_ms(int ms)
{
    struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&nap, NULL);
}

int64_t peer_heap_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return (int64_t)__sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();

    return (int64_t)(info.uordblks + info.hblkhd);
#endif
}

void peer_allow_files(int count)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur >= (rlim_t)count)
        return;
    limit.rlim_cur = (rlim_t)count < limit.rlim_max ? (rlim_t)count : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur >= (rlim_t)count);
}
