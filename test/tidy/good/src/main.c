/* main.c wires everything together. */
#include "flow/flow.h"
#include "insight/overview.h"

int main(void)
{
    return 0;
}
