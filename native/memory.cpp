// Memory that a step frees, the next one asks for again, so malloc keeps it. By default glibc gives large blocks back to
// the system each time, and up to a tenth of a small encoder's training step went into having their pages zeroed anew.
#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>

__attribute__((constructor)) static void keep_freed_memory()
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
}
#endif
