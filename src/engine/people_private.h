/* Between what is kept in memory (people.c) and its file (people_file.c). */
#pragma once

#include "engine/people.h"

#include <pthread.h>

#define SET_KIND_COUNT (SET_SEGMENT + 1)

struct link {
    uint32_t kept, next; /* next: the records of a person are a ring */
};
struct set {
    int64_t id;
    struct bitmap *members;
};
struct sets {
    struct set *at; /* ascending by id */
    size_t count;
};
/* As readers see it; values, texts and members are tables the writer has room in. */
struct column {
    struct people_column face;
    int64_t **pages;
    struct bitmap *has;
    struct str *texts;
    struct bitmap **members;
};

struct people_view {
    struct people_view *older;
    int64_t version;
    int holder_count;
    uint32_t max, shard_count;
    struct bitmap *there; /* records that are not deleted, linked ones too */
    struct bitmap *all, *joined;
    struct link **links; /* by shard; NULL: nobody there is linked */
    struct sets sets[SET_KIND_COUNT];
    struct column *columns[CATALOG_ATTRIBUTE_MAX];
};

struct people {
    struct arena *arena;           /* this struct, and every text there ever was */
    pthread_mutex_t lock;          /* guards published and the counts of holders */
    struct people_view *published; /* the newest; older ones behind it */
    struct people_view now;        /* the one that is made, number `version` */
    struct piece *retired;
    enum value_type types[CATALOG_ATTRIBUTE_MAX];
    struct map *codes[CATALOG_ATTRIBUTE_MAX]; /* text -> its place in texts */
    people_watch *watch;                      /* NULL: nobody */
    void *watch_user;
};

/* Of the version that is made; what readers see is copied first. */
struct column *people_column_own(struct people *people, int attribute);
int64_t *people_page_own(struct people *people, struct column *column, uint32_t shard);
struct bitmap *people_bitmap_own(struct people *people, struct bitmap *bitmap);
struct bitmap **people_set_own(struct people *people, enum set_kind kind, int64_t id); /* made if it is not there */
/* The text's place; a new one stands last. PEOPLE_TEXT_MAX: there are too many. */
int people_text_code(struct people *people, struct column *column, int attribute, struct str text);
void people_column_face(struct column *column); /* readers' pointers follow the writer's */
void people_shards_reach(struct people *people, uint32_t number);
