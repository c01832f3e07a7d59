#include "glem.h"

namespace
{
thread_local std::string last_error;
}

void glem::remember_error() noexcept
{
    try
    {
        throw;
    }
    catch (const c10::Error &error)
    {
        last_error = error.what_without_backtrace();
    }
    catch (const std::exception &error)
    {
        last_error = error.what();
    }
    catch (...)
    {
        last_error = "an exception that is not a std::exception";
    }
}

/// The message of this thread's last failure, UTF-8; valid until its next failure.
GLEM_EXPORT const char *glem_last_error()
{
    return last_error.c_str();
}
