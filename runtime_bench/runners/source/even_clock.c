/* Takes the place of the C library's clock_gettime in the program and in every library it loads.
 *
 * onnxruntime tells its telemetry how fast it was whenever some seconds have passed: 340 instructions
 * more in that run. How long a run takes on an emulated core says nothing, so counted runs see a
 * clock that does not depend on it. */
#define _GNU_SOURCE
#include "even_clock.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <time.h>

static bool even;

void even_clock_start(void)
{
    even = true;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    static long looks;
    if (even) {
        looks++;
        now->tv_sec = looks / 1000000;
        now->tv_nsec = looks % 1000000 * 1000;
        return 0;
    }
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    return real(clock, now);
}
