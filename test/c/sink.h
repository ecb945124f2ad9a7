/* A server on loopback that messages are sent to: it keeps what arrived, and fails when told to. */
#pragma once

#include "base/base.h"

struct sink_arrival {
    struct str path, body, key, stamp, signature;
};
void sink_start(void);
void sink_stop(void);
int sink_port(void);
void sink_reset(void); /* forgets what arrived and how to answer */
/* The next `count` requests to this path are answered so; 0: after so many, 200 again. */
void sink_answer(const char *path, int status, int count);
void sink_header(struct str line); /* with every answer that is not 200: "X: y\r\n" */
void sink_calm(void); /* from now on everything is answered 200 at once; what arrived is kept */
void sink_delay(int delay_ms); /* every answer comes so late */
int sink_count(const char *path); /* arrivals; NULL: at all paths */
/* Bodies that arrived at a path, in order, with a blank between. In the sink's memory. */
struct str sink_bodies(const char *path);
struct sink_arrival sink_last(const char *path);
