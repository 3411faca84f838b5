#define _GNU_SOURCE
#include "CKernels.h"

#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int bigs_physical_cores(void) {
    cpu_set_t allowed, seen;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        return online > 0 ? (int)online : 1;
    }
    CPU_ZERO(&seen);
    int cores = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        // The list of a core's hardware threads starts with the one that stands for the core.
        char path[96];
        int first = cpu;
        snprintf(
            path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
        FILE *file = fopen(path, "r");
        if (file) {
            if (fscanf(file, "%d", &first) != 1) first = cpu;
            fclose(file);
        }
        if (first < 0 || first >= CPU_SETSIZE || CPU_ISSET(first, &seen)) continue;
        CPU_SET(first, &seen);
        cores++;
    }
    return cores > 0 ? cores : 1;
}

size_t bigs_heap_bytes(void) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}
