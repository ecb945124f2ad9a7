/* Masks of personal data. Always: at least half of a text stays unseen unless it is long enough
 * that four hidden characters are left; of an e-mail the domain is shown. How many stars stand
 * there does not tell how long the text was, but for Chinese names of two and three characters. */
#include "manage/customer/mask.h"

#include "base/utf8.h"

#define NAME_STARS_MAX 3
#define ADDRESS_SHOWN 6
#define HIDDEN_MIN 4

/* `head` characters, stars, `tail` characters; fewer where that would leave too little unseen. */
static struct str ends_mask(struct arena *arena, struct str text, size_t head, size_t tail)
{
    size_t count = utf8_count(text);
    struct str first, rest;

    if (head + tail + HIDDEN_MIN > count)
        head = tail = count / 4;
    first = utf8_head(text, head);
    rest = utf8_head(text, count - tail);
    return str_fmt(arena, "%.*s****%.*s", STR(first), STR(str_sub(text, rest.len, text.len)));
}

struct str mask_phone(struct arena *arena, struct str phone)
{
    return phone.at ? ends_mask(arena, phone, 3, 4) : phone;
}

struct str mask_email(struct arena *arena, struct str email)
{
    int64_t at = str_find(email, S("@"));

    if (email.at == NULL)
        return email;
    if (at < 1)
        return ends_mask(arena, email, 1, 0);
    return str_fmt(arena, "%.*s***%.*s", STR(utf8_head(email, at > 1 ? 1 : 0)),
                   STR(str_sub(email, (size_t)at, email.len)));
}

struct str mask_name(struct arena *arena, struct str name)
{
    size_t count = utf8_count(name), stars, at = 0;
    struct str first;

    if (name.at == NULL || name.len == 0)
        return name;
    first = utf8_head(name, count > 1 ? 1 : 0);
    stars = utf8_next(name, &at) < 0x2e80 || count == 1 ? NAME_STARS_MAX : count - 1;
    if (stars > NAME_STARS_MAX)
        stars = NAME_STARS_MAX;
    return str_fmt(arena, "%.*s%.*s", STR(first), (int)stars, "***");
}

struct str mask_address(struct arena *arena, struct str address)
{
    return address.at ? ends_mask(arena, address, ADDRESS_SHOWN, 0) : address;
}

struct str mask_identity(struct arena *arena, struct str kind, struct str value)
{
    if (str_is(kind, "phone"))
        return mask_phone(arena, value);
    if (str_is(kind, "email"))
        return mask_email(arena, value);
    return value.at ? ends_mask(arena, value, 2, 2) : value;
}

struct str mask_name_for(struct ctx *c, struct str name)
{
    return ctx_may(c, "customer.name") ? name : mask_name(c->arena, name);
}
