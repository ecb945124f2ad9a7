/* A room that nobody gave a place. */
#include "base/str.h"
