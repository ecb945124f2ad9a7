/* The system's time zones by name. Always: a name cannot lead out of their folder. */
#include "base/time.h"

#include <pthread.h>

#include "host/file.h"

#define ZONE_BYTES_MAX (256 * 1024)
#define SHARED_MAX 64
#define SHARED_ARENA_MAX (32 * 1024 * 1024)

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

/* Beyond the most that is kept it is the caller's, as from zone_load. */
static enum err shared_load(struct arena *arena, struct str name, const struct zone **out)
{
    bool is_kept = shared.count < SHARED_MAX;
    struct zone *zone;

    if (is_kept && shared.arena == NULL)
        shared.arena = arena_new(SHARED_ARENA_MAX);
    TRY(zone_load(is_kept ? shared.arena : arena, name, &zone));
    *out = zone;
    if (is_kept) {
        shared.zones[shared.count].name = str_copy(shared.arena, name);
        shared.zones[shared.count++].zone = zone;
    }
    return OK;
}

enum err zone_shared(struct arena *arena, struct str name, const struct zone **out)
{
    enum err err = OK;

    pthread_mutex_lock(&shared.lock);
    *out = shared_find(name);
    if (*out == NULL)
        err = shared_load(arena, name, out);
    pthread_mutex_unlock(&shared.lock);
    return err;
}
