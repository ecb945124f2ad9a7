/* No pages. `make dist` links the console's files into the program: what scripts/pages.sh writes
 * takes the place of this file, which then stays behind in the library. */
#include "command/command.h"

const struct http_page command_pages[] = {{.path = ""}};
const int command_page_count = 0;
