/* A payee on the loopback: it pays what it is asked for, by number, each number once; and on the way it delays,
 * repeats itself, fails, forgets to answer and lies, as its mood for that number is. Its books are the truth
 * about what left. */
#pragma once

#include "base/base.h"

enum payee_mood {
    PAYEE_KIND,    /* pays and says so */
    PAYEE_SLOW,    /* accepts, pays, and calls back: twice, and once more with older news */
    PAYEE_LATE,    /* pays, and answers when nobody listens any more */
    PAYEE_DEAF,    /* the first two requests fail before they are read */
    PAYEE_MUTE,    /* pays and breaks down before it answers; then says so when asked */
    PAYEE_REFUSES, /* pays nothing, and says so */
    PAYEE_LIES,    /* pays, and names another amount until its bill comes */
    PAYEE_MOOD_COUNT
};

void payee_start(uint64_t seed); /* moods by seed and number */
void payee_stop(void);
struct str payee_url(struct arena *arena); /* "http://127.0.0.1:41234" */
/* Where it calls back: POST {"message_id","number","status","amount_fen","no"}. */
void payee_call_back(struct str url);
enum payee_mood payee_mood(int64_t number);
#define PAYEE_WAIT_MS 60000
int payee_patience_ms(int64_t number); /* how long to listen: as long as the machine takes, but to who is late */
void payee_only(enum payee_mood mood); /* from now on, whatever the number */
void payee_shut(bool is_shut);         /* it hears nobody and says 503 */
void payee_rest(void);                 /* until it has called back all it has to */

int64_t payee_paid_fen(int64_t number); /* what left for it; 0: nothing */
int payee_paid_count(void);             /* numbers something left for */
int payee_broken_count(void); /* requests that gave a number another amount: never */
int payee_mood_count(enum payee_mood mood); /* numbers that met it in that mood */
