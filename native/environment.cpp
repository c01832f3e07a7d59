// What this libtorch is and what it runs on.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "glem.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/cuda.h>
#include <torch/version.h>

/// The layout of this interface; the managed side refuses a library of another.
GLEM_EXPORT int32_t glem_abi()
{
    return 1;
}

GLEM_EXPORT const char *glem_torch_version()
{
    return TORCH_VERSION;
}

/// The file that libtorch's operators were loaded from; empty where the loader does not know.
GLEM_EXPORT const char *glem_torch_path()
{
    Dl_info info;
    if (dladdr(reinterpret_cast<void *>(&at::show_config), &info) == 0) // in libtorch_cpu
        return "";
    return info.dli_fname;
}

/// libtorch's build and CPU capability, as torch.__config__.show() prints it.
GLEM_EXPORT const char *glem_torch_config()
{
    static const std::string config = at::show_config();
    return config.c_str();
}

/// OpenBLAS's name for the kernels that it chose; empty where the BLAS in use is not OpenBLAS.
GLEM_EXPORT const char *glem_openblas_corename()
{
    const auto corename = reinterpret_cast<const char *(*)()>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
    return corename == nullptr ? "" : corename();
}

/// The file that cblas-level products (sgemm_) come from; empty where they are inside libtorch.
GLEM_EXPORT const char *glem_blas_path()
{
    Dl_info info;
    void *const symbol = dlsym(RTLD_DEFAULT, "sgemm_");
    if (symbol == nullptr || dladdr(symbol, &info) == 0)
        return "";
    return info.dli_fname;
}

GLEM_EXPORT int32_t glem_get_num_threads()
{
    return glem::guarded<int32_t>(-1, [] { return at::get_num_threads(); });
}

GLEM_EXPORT int32_t glem_set_num_threads(int32_t count)
{
    return glem::guarded([&] { at::set_num_threads(count); });
}

GLEM_EXPORT int32_t glem_get_num_interop_threads()
{
    return glem::guarded<int32_t>(-1, [] { return at::get_num_interop_threads(); });
}

GLEM_EXPORT int32_t glem_set_num_interop_threads(int32_t count)
{
    return glem::guarded([&] { at::set_num_interop_threads(count); });
}

GLEM_EXPORT int32_t glem_cuda_device_count()
{
    return glem::guarded<int32_t>(-1, [] { return static_cast<int32_t>(torch::cuda::device_count()); });
}

GLEM_EXPORT int32_t glem_cuda_synchronize(int32_t index)
{
    return glem::guarded([&] { torch::cuda::synchronize(index); });
}
