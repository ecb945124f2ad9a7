/* What everything the engine writes to the disk is checked by. */
#pragma once

#include "base/base.h"

uint64_t checksum_of(const void *at, size_t len);
