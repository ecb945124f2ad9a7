/* What the files of this folder share. */
#pragma once

#include "manage/channel/channel.h"

#define CHANNEL_MAX 4000    /* channels */
#define CHANNEL_DEPTH_MAX 8 /* levels of the tree */
#define CHANNEL_CODE_MAX 60
#define CHANNEL_NAME_MAX 60
#define CHANNEL_KINDS "store|ad|sms|call|content|site|partner|referral|other"
