/* What people ask of the engine: questions over HTTP, their tables as files, questions kept under a name. */
#pragma once

#include "kit/route.h"

extern const struct route analysis_routes[], analysis_export_routes[], report_routes[];
