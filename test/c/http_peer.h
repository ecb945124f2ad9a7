/* A peer over a raw socket, for tests of what it may do to the server; and bytes of the heap.
 * cmocka asserts inside. */
#pragma once

#include "base/base.h"

int peer_dial(int port); /* 127.0.0.1 */
int peer_dial_unix(const char *path);
void peer_say(int fd, struct str bytes); /* all of them; a peer that closed is no failure */
/* How long to wait for what must come: only where it never does is so much waited. */
#define PEER_WAIT_MS 60000
/* Reads until `until` (NULL: the end) came or the peer closed. Good until the next call. */
struct str peer_hear(int fd, const char *until);
/* The same for who may well stay silent: or until nothing came for most_ms. */
struct str peer_hear_within(int fd, const char *until, int most_ms);
bool peer_heard_end(void);          /* the last peer_hear met the close */
int peer_status(struct str answer); /* 0: none */
bool peer_has(struct str answer, const char *part);
int peer_count(struct str answer, const char *part);
/* On a new connection: says it, hears the end, closes. */
struct str peer_ask(int port, struct str request);
int64_t peer_now_ms(void);
void peer_nap_ms(int ms);
int64_t peer_heap_bytes(void);    /* allocated in this process now */
void peer_allow_files(int count); /* open files */
