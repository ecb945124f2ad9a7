/* The system's time zones by name. Always: a name cannot lead out of their folder. */
#include "base/time.h"

#include "host/file.h"

#define ZONE_BYTES_MAX (256 * 1024)

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
