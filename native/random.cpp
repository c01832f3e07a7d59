// Random generators: a handle is a heap-allocated at::Generator, itself a counted reference to the state.
#include "glem.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <mutex>

namespace
{
template <class Body> auto locked(at::Generator &generator, Body body)
{
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return body();
}
} // namespace

/// The process-wide generator of a device.
GLEM_EXPORT at::Generator *glem_generator_default(int32_t device_type, int32_t device_index)
{
    return glem::guarded<at::Generator *>(nullptr, [&] {
        const c10::Device device(static_cast<c10::DeviceType>(device_type),
                                 static_cast<c10::DeviceIndex>(device_index));
        return new at::Generator(at::globalContext().defaultGenerator(device));
    });
}

/// A generator of its own with the given seed.
GLEM_EXPORT at::Generator *glem_generator_new(uint64_t seed, int32_t device_type, int32_t device_index)
{
    return glem::guarded<at::Generator *>(nullptr, [&]() -> at::Generator * {
        const c10::Device device(static_cast<c10::DeviceType>(device_type),
                                 static_cast<c10::DeviceIndex>(device_index));
        if (device.is_cpu())
            return new at::Generator(at::detail::createCPUGenerator(seed));
        auto generator = at::globalContext().defaultGenerator(device).clone();
        generator.set_current_seed(seed);
        return new at::Generator(std::move(generator));
    });
}

GLEM_EXPORT void glem_generator_free(at::Generator *generator)
{
    delete generator;
}

GLEM_EXPORT int32_t glem_generator_manual_seed(at::Generator *generator, uint64_t seed)
{
    return glem::guarded([&] { locked(*generator, [&] { generator->set_current_seed(seed); }); });
}

/// Seeds from the operating system's entropy and answers the seed.
GLEM_EXPORT int32_t glem_generator_seed(at::Generator *generator, uint64_t *seed)
{
    return glem::guarded([&] { *seed = locked(*generator, [&] { return generator->seed(); }); });
}

GLEM_EXPORT int32_t glem_generator_initial_seed(at::Generator *generator, uint64_t *seed)
{
    return glem::guarded([&] { *seed = locked(*generator, [&] { return generator->current_seed(); }); });
}

/// The whole state as a byte tensor on the CPU.
GLEM_EXPORT TensorHandle glem_generator_get_state(at::Generator *generator)
{
    return glem::guarded<TensorHandle>(
        nullptr, [&] { return locked(*generator, [&] { return glem::hand_over(generator->get_state()); }); });
}

GLEM_EXPORT int32_t glem_generator_set_state(at::Generator *generator, TensorHandle state)
{
    return glem::guarded([&] { locked(*generator, [&] { generator->set_state(glem::borrow(state)); }); });
}

/// Seeds the default generators of all devices.
GLEM_EXPORT int32_t glem_manual_seed(uint64_t seed)
{
    return glem::guarded([&] { at::manual_seed(seed); });
}
