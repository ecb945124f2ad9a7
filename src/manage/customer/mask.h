/* Personal data as lists and pages show it: enough to recognise, not enough to use. The clear text comes
 * from POST /api/customers/{customer_id}/reveal alone. No value stays no value. */
#pragma once

#include "kit/ctx.h"

struct str mask_phone(struct arena *arena, struct str phone);                      /* 138****5678 */
struct str mask_email(struct arena *arena, struct str email);                      /* l***@x.cn */
struct str mask_name(struct arena *arena, struct str name);                        /* 王*, L*** */
struct str mask_address(struct arena *arena, struct str address);                  /* 上海市浦东新**** */
struct str mask_identity(struct arena *arena, struct str kind, struct str value);  /* by its kind */
/* The name as this one may see it: in the clear with the right customer.name. */
struct str mask_name_for(struct ctx *c, struct str name);
