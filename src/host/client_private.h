/* What the files that use libcurl share. */
#pragma once

#include <curl/curl.h>

CURL *client_curl(void); /* NULL: out of memory */
