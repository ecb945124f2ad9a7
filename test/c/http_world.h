/* A server for the tests of host/http: it echoes, answers from another thread (/late...), sends
 * much (/big?bytes), takes uploads
 * (/upload) and holds requests (/hold). */
#pragma once

#include "host/http.h"

void world_config(struct http_config *config); /* two loops; deadlines that a busy machine keeps */
void world_start(const struct http_config *config);
struct http_server *world_server(void);
int world_port(void);
const char *world_folder(void); /* a new one of its own; /upload writes "body" there */
void world_await_read(int64_t bytes); /* it has read so many; fails where it never does */
void world_await_connections(int64_t most); /* no more are open; the same */
int world_held_count(void); /* requests to /hold and /late that nobody has answered yet */
void world_release(void); /* answers what /hold holds */
void world_stop(int grace_ms);
