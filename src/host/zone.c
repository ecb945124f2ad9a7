/* The system's time zones by name. Always: a name cannot lead out of their folder. */
#include "base/time.h"

#include <pthread.h>

#include "host/file.h"

#define ZONE_BYTES_MAX (256 * 1024)
#define SHARED_MAX 4096 /* a system has 1,800, under all their names */
#define SHARED_ARENA_MAX ((size_t)256 * 1024 * 1024)

/* Read once, kept for the life of the process. */
static struct {
    pthread_mutex_t lock;
    struct arena *arena;
    struct {
        struct str name;
        const struct zone *zone;
    } zones[SHARED_MAX];
    int count;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool zone_name_is_safe(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && memchr("_+-/.", c, 5) == NULL)
            return false;
    }
    return name.len > 0 && name.at[0] != '/' && str_find(name, S("..")) < 0;
}

enum err zone_load(struct arena *arena, struct str name, struct zone **out)
{
    struct str tzif;
    enum err err;

    *out = NULL;
    if (!zone_name_is_safe(name))
        return E_NOT_FOUND;
    err = file_read(arena, str_fmt(arena, "/usr/share/zoneinfo/%.*s", STR(name)), ZONE_BYTES_MAX,
                    &tzif);
    if (err != OK) /* a folder such as "Asia" is no zone either */
        return E_NOT_FOUND;
    return zone_parse(arena, tzif, out);
}

static const struct zone *shared_find(struct str name)
{
    for (int i = 0; i < shared.count; i++)
        if (str_eq(shared.zones[i].name, name))
            return shared.zones[i].zone;
    return NULL;
}

/* One that can be read; NULL: there are too many. */
static const struct zone *shared_add(struct str name)
{
    struct zone *zone;

    if (shared.arena == NULL)
        shared.arena = arena_new(SHARED_ARENA_MAX);
    if (shared.count == SHARED_MAX || zone_load(shared.arena, name, &zone) != OK)
        return NULL;
    shared.zones[shared.count].name = str_copy(shared.arena, name);
    shared.zones[shared.count++].zone = zone;
    return zone;
}

/* Whatever is wrong with it is found in the caller's memory: what is kept grows by zones alone. */
enum err zone_shared(struct arena *arena, struct str name, const struct zone **out)
{
    struct zone *zone;

    pthread_mutex_lock(&shared.lock);
    *out = shared_find(name);
    pthread_mutex_unlock(&shared.lock);
    if (*out != NULL)
        return OK;
    TRY(zone_load(arena, name, &zone));
    pthread_mutex_lock(&shared.lock);
    *out = shared_find(name); /* of another thread */
    if (*out == NULL)
        *out = shared_add(name);
    pthread_mutex_unlock(&shared.lock);
    return *out == NULL ? E_NOT_FOUND : OK;
}
