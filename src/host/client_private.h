/* What the files that use libcurl share. */
#pragma once

#include <curl/curl.h>

void client_init_once(void);
CURL *client_curl(void); /* NULL: out of memory */
