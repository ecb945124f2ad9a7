/* See fixture.h. The zone is UTC unless the question says another one; the brand's is Berlin with
 * days from 04:00 on. */
#include "fixture.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

#define UTC "\"version\": 1, \"zone\": \"UTC\", "
#define SEGMENT "{" UTC "\"ask\": \"segment\", \"who\": "

const struct fixture fixtures[] = {
    {.why = "a rolling window has its first second and not the moment itself",
     .events = "1 2012-05-01 bound;2 2012-04-30T23:59:59 bound;3 2012-05-08 bound;"
               "4 2012-05-07T23:59:59 bound",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"did\": {\"kind\": \"bound\", \"within\": {\"last\": {\"days\": 7}}}}}",
     .answer = "1 4"},
    {.why = "yesterday had 23 hours in London, where clocks went forward",
     .events = "1 2012-03-24T23:59:59 bound;2 2012-03-25 bound;3 2012-03-25T22:59:59 bound;"
               "4 2012-03-25T23:00 bound",
     .as_of = "2012-03-25T23:30",
     .query = "{\"version\": 1, \"zone\": \"Europe/London\", \"ask\": \"segment\", \"who\":"
              " {\"did\": {\"kind\": \"bound\", \"within\": {\"units\": \"day\", \"count\": 1}}}}",
     .answer = "2 3"},
    {.why = "at midnight the day that is over is yesterday, and the running one too",
     .events = "1 2012-05-07T00:00 bound;2 2012-05-06T23:59:59 bound",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"all\": [{\"did\": {\"kind\": \"bound\", \"within\": {\"units\": \"day\","
                      " \"count\": 1}}}, {\"did\": {\"kind\": \"bound\", \"within\": {\"units\":"
                      " \"day\", \"count\": 1, \"current\": true}}}]}}",
     .answer = "1"},
    {.why = "the brand's day begins at 04:00 in Berlin, 03:00 UTC in winter: 1325386800 and "
            "1325473200",
     .events = "1 2012-01-01T03:00 bound;1 2012-01-02T02:59:59 bound;1 2012-01-02T03:00 bound",
     .as_of = "2012-02-01",
     .query = "{\"version\": 1, \"ask\": \"trend\", \"events\": {\"kind\": \"bound\"}, \"units\": "
              "\"day\"}",
     .answer = "1325386800 1 2 - 1325473200 1 1 -"},
    {.why = "weeks begin on Monday: 2012-05-07 is 1336348800, a week before 1335744000",
     .events = "1 2012-05-06T23:59:59 bound;1 2012-05-07 bound;2 2012-05-07 bound",
     .as_of = "2012-05-08",
     .query = "{" UTC "\"ask\": \"trend\", \"events\": {\"kind\": \"bound\"}, \"units\": \"week\"}",
     .answer = "1335744000 1 1 - 1336348800 2 2 -"},
    {.why = "Apia had no 30 December 2011: 31 followed 29 at 10:00 UTC, so two days before 1 "
            "January are one",
     .events = "1 2011-12-29T10:00 bound;2 2011-12-30T09:59:59 bound;3 2011-12-30T10:00 bound;"
               "4 2011-12-31T09:59:59 bound;5 2011-12-31T10:00 bound",
     .as_of = "2011-12-31T12:00",
     .query = "{\"version\": 1, \"zone\": \"Pacific/Apia\", \"ask\": \"segment\", \"who\":"
              " {\"did\": {\"kind\": \"bound\", \"within\": {\"units\": \"day\", \"count\": 2}}}}",
     .answer = "3 4"},
    {.why = "what is missing passes is_not and fails is",
     .events = "1 2012-05-01 bound 0 500;2 2012-05-01 bound 0 -;3 2012-05-01 bound 0 100",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"did\": {\"kind\": \"bound\", \"where\": [{\"property\": \"amount\","
                      " \"is_not\": 500}]}}}",
     .answer = "2 3"},
    {.why = "what came through no channel is no channel among the distinct ones",
     .events = "1 2012-05-01 bound 0;2 2012-05-01 bound 0;2 2012-05-02 bound 3;"
               "3 2012-05-01 bound 1;3 2012-05-02 bound 3",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"did\": {\"kind\": \"bound\"}, \"measure\": \"distinct\", \"of\":"
                      " \"channel\", \"is\": 1}}",
     .answer = "2"},
    {.why = "below one: people without events too, deleted and unknown ones not",
     .events = "1 2012-05-01 bound;2 2012-05-01 called;4 2012-05-01 called;5 2012-05-01 called",
     .others = "3",
     .gone = "4",
     .unknown = "5",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"did\": {\"kind\": \"bound\"}, \"below\": 1}}",
     .answer = "2 3"},
    {.why = "no event has no smallest value; a sum without values is 0",
     .events = "1 2012-05-01 bound 0 -;2 2012-05-01 bound 0 -5",
     .others = "3",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"all\": [{\"did\": {\"kind\": \"bound\"}, \"measure\": \"min\", \"of\":"
                      " \"amount\", \"exists\": false}, {\"did\": {\"kind\": \"bound\"},"
                      " \"measure\": \"sum\", \"of\": \"amount\", \"is\": 0}]}}",
     .answer = "1 3"},
    {.why = "the last event says nothing of an amount, whatever those before it said",
     .events = "1 2012-05-01 bound 0 7;1 2012-05-02 bound 0 -;2 2012-05-02 bound 0 7;"
               "2 2012-05-01 bound 0 -",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"did\": {\"kind\": \"bound\"}, \"measure\": \"last\", \"of\": \"amount\","
                      " \"is\": 7}}",
     .answer = "2"},
    {.why = "in one second what came first is first; a late event stands where its second is",
     .events = "1 2012-05-01 bound;1 2012-05-01 called;2 2012-05-01 called;2 2012-05-01 bound;"
               "3 2012-05-02 called;3 2012-05-01 bound",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"sequence\": [{\"kind\": \"bound\"}, {\"kind\": \"called\"}],"
                      " \"within_seconds\": 86400}}",
     .answer = "1 3"},
    {.why = "one event is one step only",
     .events = "1 2012-05-01 bound;2 2012-05-01 bound;2 2012-05-01 bound",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"sequence\": [{\"kind\": \"bound\"}, {\"kind\": \"bound\"}],"
                      " \"within_seconds\": 0}}",
     .answer = "2"},
    {.why = "records of one person are one stream; in one second the lower number comes first",
     .events = "11 2012-05-01 called;12 2012-04-30 bound;22 2012-05-01 bound;21 2012-05-01 called;"
               "31 2012-05-01 bound;32 2012-05-01 called",
     .links = "12>11;22>21;31>32",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"sequence\": [{\"kind\": \"bound\"}, {\"kind\": \"called\"}],"
                      " \"within_seconds\": 86400}}",
     .answer = "11 32"},
    {.why = "the chain need not begin with the first start, nor go through the first middle; its "
            "end is the"
            " first one and its start the last one: 1 needs 60 s, 2 needs 40 s, median 40, mean 50",
     .events =
         "1 2012-05-01T00:00:00 bound;1 2012-05-01T02:00:00 bound;1 2012-05-01T02:00:30 called;"
         "1 2012-05-01T02:01:00 delivered;1 2012-05-01T02:02:00 delivered;"
         "2 2012-05-01T00:00:00 bound;2 2012-05-01T00:00:20 bound;2 2012-05-01T00:00:50 called;"
         "2 2012-05-01T00:01:00 delivered;3 2012-05-01 called",
     .as_of = "2012-05-08",
     .query =
         "{" UTC "\"ask\": \"funnel\", \"funnel\": {\"steps\": [{\"kind\": \"bound\"}, {\"kind\":"
         " \"called\"}, {\"kind\": \"delivered\"}], \"within_seconds\": 3600}}",
     .answer = "0 3 - - 1 2 - - 2 2 30 30 3 2 40 50"},
    {.why = "an exclusion breaks the way over the first second step, not that over the other one",
     .events = "1 2012-05-01T00:00 bound;1 2012-05-01T00:01 called;1 2012-05-01T00:02 asked;"
               "1 2012-05-01T00:03 called;1 2012-05-01T00:04 delivered;"
               "2 2012-05-01T00:00 bound;2 2012-05-01T00:01 called;2 2012-05-01T00:02 asked;"
               "2 2012-05-01T00:03 delivered",
     .as_of = "2012-05-08",
     .query =
         SEGMENT "{\"funnel\": {\"steps\": [{\"kind\": \"bound\"}, {\"kind\": \"called\"},"
                 " {\"kind\": \"delivered\"}], \"within_seconds\": 3600, \"exclude\": [{\"events\":"
                 " {\"kind\": \"asked\"}, \"after\": 2}]}, \"level\": [3, 3]}}",
     .answer = "1"},
    {.why = "strict: nothing between, of whatever kind; an event outside the steps' windows is "
            "between",
     .events = "1 2012-05-01T00:00 bound;1 2012-05-01T00:01 asked;1 2012-05-01T00:02 called;"
               "2 2012-05-01T00:00 bound;2 2012-05-01T00:02 called",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"funnel\": {\"steps\": [{\"kind\": \"bound\"}, {\"kind\": \"called\"}],"
                      " \"within_seconds\": 3600, \"order\": \"strict\"}, \"level\": [2, 2]}}",
     .answer = "2"},
    {.why = "in any order, an hour in all: 1 has all three in 60 min, 2 in 61; groups by the first "
            "event's channel",
     .events =
         "1 2012-05-01T00:00 delivered 4;1 2012-05-01T00:30 bound 3;1 2012-05-01T01:00 called 3;"
         "2 2012-05-01T00:00 delivered 4;2 2012-05-01T00:30 bound 3;2 2012-05-01T01:01 called 4",
     .as_of = "2012-05-08",
     .query =
         "{" UTC
         "\"ask\": \"funnel\", \"by\": \"channel\", \"funnel\": {\"steps\": [{\"kind\": \"bound\"},"
         " {\"kind\": \"called\"}, {\"kind\": \"delivered\"}], \"within_seconds\": 3600,"
         " \"order\": \"any\"}}",
     .answer = "4 0 2 - - 4 1 2 - - 4 2 2 1800 1800 4 3 1 3600 3600"},
    {.why = "six people, the bounds of fifths are ranks 2, 3, 4, 5: counts 1 1 1 2 3 9 have bounds "
            "1 1 2 3, so fifths"
            " 1 1 1 3 4 5; seconds all differ: 1 1 2 3 4 5; amounts all 0: all in 1",
     .events = "1 2012-05-01 bound;2 2012-05-02 bound;3 2012-05-03 bound;4 2012-05-04 bound;4 "
               "2012-05-01 bound;"
               "5 2012-05-05 bound;5 2012-05-01 bound;5 2012-05-01 bound;6 2012-05-06 bound;6 "
               "2012-05-01 bound;"
               "6 2012-05-01 bound;6 2012-05-01 bound;6 2012-05-01 bound;6 2012-05-01 bound;6 "
               "2012-05-01 bound;"
               "6 2012-05-01 bound;6 2012-05-01 bound",
     .as_of = "2012-05-08",
     .query = "{" UTC "\"ask\": \"rfm\", \"events\": {\"kind\": \"bound\"}, \"of\": \"amount\"}",
     .answer = "1 1 1 2 0 2 1 1 1 0 3 3 1 1 0 4 4 1 1 0 5 5 1 1 0"},
    {.why = "two weeks, the second one running: 1 starts in the first and comes back in both, 2 in "
            "the second;"
            " back in the week of the start may be before it",
     .events =
         "1 2012-05-02 bound;1 2012-05-01 called;1 2012-05-08 called;1 2012-05-08T01:00 bound;"
         "2 2012-05-08 bound;3 2012-05-01 called",
     .as_of = "2012-05-09",
     .query = "{" UTC "\"ask\": \"retention\", \"start\": {\"kind\": \"bound\"}, \"back\": "
              "{\"kind\": \"called\"},"
              " \"units\": \"week\", \"count\": 2, \"cohort\": \"first\"}",
     .answer = "1335744000 1 0 1 1 1335744000 1 1 1 0 1336348800 1 0 0 0"},
    {.why = "the day that Apia left out is one of three days, with nobody in it; it begins when "
            "the next one does",
     .events = "1 2011-12-30T10:00 bound;1 2011-12-31T10:00 called",
     .as_of = "2011-12-31T12:00",
     .query = "{\"version\": 1, \"zone\": \"Pacific/Apia\", \"ask\": \"retention\", \"start\": "
              "{\"kind\": \"bound\"},"
              " \"back\": {\"kind\": \"called\"}, \"units\": \"day\", \"count\": 3, \"cohort\": "
              "\"every\"}",
     .answer = "1325239200 0 0 0 1 1325239200 0 1 0 1 1325239200 0 2 0 0 1325239200 1 0 0 1"
               " 1325239200 1 1 1 0 1325325600 0 0 0 0"},
    {.why = "a session ends where 60 s pass: 12 -> 3 twice, the third time apart; kinds 1 bound, 2 "
            "called",
     .events =
         "1 2012-05-01T00:00:00 bound;1 2012-05-01T00:00:59 called;1 2012-05-01T00:01:59 bound;"
         "1 2012-05-01T00:02:00 called;2 2012-05-01 called;2 2012-05-01 called",
     .as_of = "2012-05-08",
     .query = "{" UTC "\"ask\": \"paths\", \"events\": {\"kind\": [\"bound\", \"called\"]}, "
              "\"gap_seconds\": 60}",
     .answer = "1 1 2 2 1 2 2 1"},
    {.why = "three channels, one row and the rest, in which person 1 counts twice; channel 0 is "
            "one, too",
     .events = "1 2012-05-01 bound 1 10;2 2012-05-01 bound 1 20;1 2012-05-01 bound 2 30;1 "
               "2012-05-01 bound 0 -",
     .as_of = "2012-05-08",
     .query = "{" UTC "\"ask\": \"breakdown\", \"events\": {\"kind\": \"bound\"}, \"by\": "
              "\"channel\", \"of\": \"amount\","
              " \"limit\": 1}",
     .answer = "1 2 2 30 - 2 2 30"},
    {.why = "86,399 s are no whole day, 86,400 are one; only the first two count",
     .events =
         "1 2012-05-01 bound;1 2012-05-01T23:59:59 bound;1 2012-05-07 bound;2 2012-05-01 bound;"
         "2 2012-05-02 bound;3 2012-05-01 bound",
     .as_of = "2012-05-08",
     .query =
         "{" UTC "\"ask\": \"interval\", \"events\": {\"kind\": \"bound\"}, \"pairs\": \"first\"}",
     .answer = "0 1 1 1"},
    {.why = "latest first, of one second the latest arrived; one of that second is known; asked by "
            "a linked number",
     .events =
         "1 2012-05-01 bound 1;2 2012-05-02 called 2 700;1 2012-05-02 bound 3;1 2012-05-03 bound 4",
     .links = "2>1",
     .as_of = "2012-05-08",
     .query = "{" UTC "\"ask\": \"timeline\", \"person\": 2, \"before\": 1335916800, \"skip\": 1}",
     .answer = "1335916800 1 3 - 1335830400 1 1 -"},
    {.why = "in two of the last three whole days: the 5th, 6th, 7th",
     .events = "1 2012-05-05 bound;1 2012-05-07T23:59:59 bound;2 2012-05-05 bound;2 "
               "2012-05-05T12:00 bound;"
               "3 2012-05-04T23:59:59 bound;3 2012-05-06 bound;3 2012-05-08 bound",
     .as_of = "2012-05-08T06:00",
     .query = SEGMENT
     "{\"regularly\": {\"kind\": \"bound\"}, \"units\": \"day\", \"count\": 3, \"at_least\": 2}}",
     .answer = "1"},
    {.why = "the first ever, not the first in the window",
     .events = "1 2012-05-06 bound;2 2012-05-06 bound;2 2012-01-01 bound;3 2012-01-01 called;3 "
               "2012-05-06 bound",
     .as_of = "2012-05-08",
     .query =
         SEGMENT "{\"first_time\": {\"kind\": \"bound\", \"within\": {\"last\": {\"days\": 3}}}}}",
     .answer = "1 3"},
    {.why = "in April, none in the first week of May, again since",
     .events = "1 2012-04-30T23:59:59 bound;1 2012-05-08 bound;2 2012-04-01 bound;2 "
               "2012-05-07T23:59:59 bound;"
               "2 2012-05-08 bound;3 2012-05-08 bound;4 2012-04-01 bound",
     .as_of = "2012-05-09",
     .query = SEGMENT
     "{\"restarted\": {\"kind\": \"bound\", \"within\": {\"from\": \"2012-04-01\", \"to\": "
     "\"2012-05-01\"}},"
     " \"later\": {\"from\": \"2012-05-01\", \"to\": \"2012-05-08\"}, \"again\": {\"from\":"
     " \"2012-05-08\"}}}",
     .answer = "1"},
    {.why = "29 February is 28 February in 2013, and nothing else",
     .others = "1;2;3;4",
     .birthdays = "1=1980-02-29;2=1980-02-28;3=1980-03-01;4=1981-02-27",
     .as_of = "2013-02-28T12:00",
     .query = SEGMENT "{\"attribute\": \"birthday\", \"anniversary\": [0, 1]}}",
     .answer = "1 2"},
    {.why = "29 February is itself in 2012",
     .others = "1;2;3",
     .birthdays = "1=1980-02-29;2=1980-02-28;3=1980-03-01",
     .as_of = "2012-02-28T12:00",
     .query = SEGMENT "{\"attribute\": \"birthday\", \"anniversary\": [1, 2]}}",
     .answer = "1"},
    {.why = "from stage to stage in a week: 1 went up, 2 came at its first second, 3 did nothing, "
            "4 was "
            "there without the stage below",
     .events = "1 2012-04-30 bound;1 2012-05-02 ended;2 2012-05-01 bound;4 2012-04-30 ended",
     .others = "3",
     .as_of = "2012-05-08",
     .query =
         "{" UTC "\"ask\": \"flow\", \"within\": {\"last\": {\"days\": 7}}, \"stages\": [{\"name\":"
         " \"a\", \"who\": {\"did\": {\"kind\": \"bound\"}}}, {\"name\": \"b\", \"who\": {\"did\":"
         " {\"kind\": \"ended\"}}}]}",
     .answer = "0 0 1 0 1 1 1 2 1 2 2 1"},
    {.why = "April as it went: what came in May is not seen",
     .events = "1 2012-03-31T23:59:59 bound;1 2012-05-01 ended;2 2012-04-30T23:59:59 ended",
     .as_of = "2012-05-08",
     .query =
         "{" UTC "\"ask\": \"flow\", \"within\": {\"units\": \"month\", \"count\": 1}, \"stages\":"
         " [{\"name\": \"a\", \"who\": {\"did\": {\"kind\": \"bound\"}}}, {\"name\": \"b\", "
         "\"who\":"
         " {\"did\": {\"kind\": \"ended\"}}}]}",
     .answer = "0 2 1 1 1 1"},
    {.why = "bound has its row, so who ended or called is the rest; of as many people the lower "
            "number goes first",
     .events = "1 2012-05-01 bound;2 2012-05-01 bound;2 2012-05-02 ended;3 2012-05-01 ended;3 "
               "2012-05-01 called",
     .as_of = "2012-05-08",
     .query = SEGMENT "{\"answer\": {\"ask\": \"breakdown\", \"events\": {}, \"by\": \"kind\","
                      " \"limit\": 1}, \"cell\": {\"group\": null}}}",
     .answer = "2 3"},
    {.why = "a chain's group is where it began: 1 in channel 1, though it ended in 2",
     .events = "1 2012-05-01 bound 1;1 2012-05-02 ended 2;2 2012-05-01 bound 2",
     .as_of = "2012-05-08",
     .query = SEGMENT
     "{\"answer\": {\"ask\": \"funnel\", \"by\": \"channel\", \"funnel\": {\"steps\": [{\"kind\": "
     "\"bound\"}, {\"kind\": \"ended\"}], \"within_seconds\": 604800}}, \"cell\": {\"level\": 1, "
     "\"group\": \"1\"}}}",
     .answer = "1"},
    {.why = "of the first pair alone: 1 came back after two days, seven lay between later ones",
     .events = "1 2012-05-01 bound;1 2012-05-03 bound;1 2012-05-10 bound;2 2012-05-01 bound;2 "
               "2012-05-08 bound",
     .as_of = "2012-06-01",
     .query = SEGMENT "{\"answer\": {\"ask\": \"interval\", \"pairs\": \"first\", \"events\": "
                      "{\"kind\": \"bound\"}}, \"cell\": {\"days\": 7}}}",
     .answer = "2"},
    {.why = "fifths are among who is asked about: of 1 and 2 the later one is the third, as of all "
            "five",
     .events = "1 2012-05-01 bound 0 1;2 2012-05-02 bound 0 1;3 2012-05-03 bound 0 1;4 2012-05-04 "
               "bound 0 1;5 2012-05-05 bound 0 1;1 2012-04-01 ended;2 2012-04-01 ended",
     .as_of = "2012-06-01",
     .query = SEGMENT "{\"answer\": {\"ask\": \"rfm\", \"who\": {\"did\": {\"kind\": \"ended\"}}, "
                      "\"events\": {\"kind\":"
                      " \"bound\"}, \"of\": \"amount\"}, \"cell\": {\"r\": 3}}}",
     .answer = "2"},
    {.why = "a sum of more than 64 bits has no answer",
     .events = "1 2012-05-01 bound 0 9223372036854775807;1 2012-05-01 bound 0 1",
     .as_of = "2012-05-08",
     .query = SEGMENT
     "{\"did\": {\"kind\": \"bound\"}, \"measure\": \"sum\", \"of\": \"amount\", \"at_least\": 1}}",
     .answer = "large"},
};
const int fixture_count = ARRAY_LEN(fixtures);

/* ---- read ------------------------------------------------------------------------------------ */

int64_t fixture_time(const char *text)
{
    int64_t ms;

    must(time_parse(NULL, str_of(text), &ms) == OK);
    return ms / 1000;
}

static uint32_t number_of(struct str text)
{
    int64_t number;

    must(str_to_int(text, &number));
    return (uint32_t)number;
}

/* Cuts the next piece off; false: there is none. */
static bool next_of(struct str *text, char at, struct str *piece)
{
    if (text->len == 0)
        return false;
    str_cut(*text, at, piece, text);
    return true;
}

static struct world_record *record_of(struct world *world, uint32_t number)
{
    struct world_record *record = world->records;

    for (; record < world->records + world->record_count; record++) {
        if (record->number == number)
            return record;
    }
    world->record_count++;
    *record = (struct world_record){.number = number, .kept = number, .is_known = true};
    for (int i = 0; i < WORLD_ATTRIBUTES; i++)
        record->values[i] = NONE;
    return record;
}

static void fact_read(struct world *world, struct arena *arena, struct str line)
{
    struct world_fact *fact = &world->facts[world->fact_count++];
    struct str cell = {0};

    for (int i = 0; i < WORLD_COLUMNS; i++)
        fact->values[i] = NONE;
    for (int i = 0; next_of(&line, ' ', &cell); i++) {
        if (i == 0)
            fact->number = record_of(world, number_of(cell))->number;
        if (i == 1)
            fact->second = fixture_time(str_cstr(arena, cell));
        for (int j = 0; i == 2 && j < WORLD_KINDS; j++)
            fact->kind = str_eq(world_kinds[j].name, cell) ? world_kinds[j].number : fact->kind;
        if (i == 3)
            fact->channel = (int)number_of(cell);
        if (i > 3 && !str_is(cell, "-"))
            must(str_to_int(cell, &fact->values[i == 4 ? WORLD_AMOUNT : WORLD_PIECES]));
    }
}

void fixture_make(const struct fixture *fixture, struct arena *arena, struct world *world)
{
    struct str list = str_of(fixture->events), piece, head, tail;
    int64_t ms;

    *world = (struct world){.records = arena_new_array(arena, struct world_record, 40),
                            .facts = arena_new_array(arena, struct world_fact, 40)};
    while (next_of(&list, ';', &piece))
        fact_read(world, arena, piece);
    for (list = str_of(fixture->others); next_of(&list, ';', &piece);)
        record_of(world, number_of(piece));
    for (list = str_of(fixture->links); next_of(&list, ';', &piece);) {
        must(str_cut(piece, '>', &head, &tail));
        record_of(world, number_of(head))->kept = number_of(tail);
    }
    for (list = str_of(fixture->gone); next_of(&list, ';', &piece);)
        record_of(world, number_of(piece))->is_deleted = true;
    for (list = str_of(fixture->unknown); next_of(&list, ';', &piece);)
        record_of(world, number_of(piece))->is_known = false;
    for (list = str_of(fixture->birthdays); next_of(&list, ';', &piece);) {
        must(str_cut(piece, '=', &head, &tail));
        must(time_parse(NULL, tail, &ms) == OK);
        record_of(world, number_of(head))->values[WORLD_BIRTHDAY] = ms / DAY_MS - (ms % DAY_MS < 0);
    }
}
