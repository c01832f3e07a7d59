// What becomes of memory that tensors freed, and how much of it they hold.
#include "glem.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <memory>
#include <mutex>

#if defined(__GLIBC__)
#include <malloc.h>

// Memory that a step frees, the next one asks for again, so malloc keeps it. By default glibc gives large blocks back to
// the system each time, and up to a tenth of a small encoder's training step went into having their pages zeroed anew.
static void keep_freed_memory()
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 64 << 20);
}

__attribute__((constructor)) static void keep_from_the_start()
{
    keep_freed_memory();
}

// Where tensors are large, the holes that they leave are large too: as much as half of what is in use. Then each block from
// 1 MiB on is a mapping of its own, which goes as it is freed.
static void give_freed_memory_back()
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
    malloc_trim(0);
}
#else
static void keep_freed_memory()
{
}

static void give_freed_memory_back()
{
}
#endif

/// Whether blocks that are freed from now on stay with the process; if not, what is free now goes too.
GLEM_EXPORT void glem_keep_freed_memory(int32_t keep)
{
    if (keep != 0)
        keep_freed_memory();
    else
        give_freed_memory_back();
}

namespace
{
/// What libtorch's CPU allocator tells of. A block from before is not counted, nor is its end.
struct Watch : c10::MemoryReportingInfoBase
{
    std::mutex mutex;
    int64_t live = 0, peak = 0;

    void count(int64_t bytes, c10::Device device)
    {
        if (!device.is_cpu())
            return;
        const std::lock_guard<std::mutex> guard(mutex);
        live += bytes;
        peak = std::max(peak, live);
    }

    // The totals are signed in libtorch 1 and sizes in 2: the one that the base class has is called.
    void reportMemoryUsage(void *, int64_t bytes, int64_t, int64_t, c10::Device device)
    {
        count(bytes, device);
    }

    void reportMemoryUsage(void *, int64_t bytes, size_t, size_t, c10::Device device)
    {
        count(bytes, device);
    }

    bool memoryProfilingEnabled() const override
    {
        return true;
    }
};

struct Watching
{
    std::shared_ptr<Watch> watch = std::make_shared<Watch>();
    c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, watch};
};
} // namespace

/// Counts the bytes of CPU tensors that this thread's calls make and free from here on, until glem_memory_unwatch on the
/// same thread.
GLEM_EXPORT Watching *glem_memory_watch()
{
    return glem::guarded<Watching *>(nullptr, [] { return new Watching; });
}

/// Ends the count; the most bytes at a time.
GLEM_EXPORT int64_t glem_memory_unwatch(Watching *watching)
{
    const int64_t peak = watching->watch->peak;
    delete watching;
    return peak;
}
