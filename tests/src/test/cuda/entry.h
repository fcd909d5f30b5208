// What every function of the driver API begins with: the lock, a failure that a test ordered, the context and its health.
#pragma once
#include "driver.h"

#define API extern "C" __attribute__((visibility("default")))
#define ENTER                                                              \
  std::lock_guard<std::recursive_mutex> guard(device.lock);                \
  if (int status = injected(__func__)) return (CUresult)status
#define ENTER_CONTEXT                                                      \
  ENTER;                                                                   \
  if (!ready()) return (CUresult)kInvalidContext;                          \
  if (device.sticky) return (CUresult)device.sticky
#define NOT_IN_CAPTURE                                                     \
  if (invalidateCaptures()) return (CUresult)kCaptureUnsupported
