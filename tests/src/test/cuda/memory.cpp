// Device memory, pinned memory, copies and fills, with every range checked when it is asked for and again when it happens.
#include "entry.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

using namespace standin;

static const std::pair<const uintptr_t, Allocation>* containing(uintptr_t address, size_t slack) {
  auto it = device.memory.upper_bound(address);
  const std::pair<const uintptr_t, Allocation>* best = nullptr;
  if (it != device.memory.begin()) {
    auto before = std::prev(it);
    if (address < before->first + before->second.bytes + slack) best = &*before;
  }
  if (!best && it != device.memory.end() && address + slack >= it->first) best = &*it;
  return best;
}
std::string standin::describe(uintptr_t address) {
  auto* a = containing(address, 8192);
  if (!a) return "";
  std::string memory = "memory of " + std::to_string(a->second.bytes) + " bytes";
  if (address < a->first) return std::to_string(a->first - address) + " bytes before " + memory;
  if (!a->second.live) return memory + " that was freed";
  return std::to_string(address - a->first - a->second.bytes) + " bytes after the end of " + memory;
}
bool standin::reachable(uintptr_t address, size_t bytes, const std::string& what) {
  auto* a = containing(address, 0);
  if (a && a->second.live && address + bytes <= a->first + a->second.bytes && address >= a->first) return true;
  report(what + " of " + std::to_string(bytes) + " bytes " + (a == nullptr ? "outside device memory" : !a->second.live ? "in memory that was freed" : "beyond its end in memory of " + std::to_string(a->second.bytes) + " bytes"));
  return false;
}

// ---- memory
static int allocate(CUdeviceptr* p, size_t bytes, bool ofPool) {
  if (bytes == 0) return kInvalidValue;
  if (device.used + bytes > (size_t)device.total) return kOutOfMemory;
  size_t mapped;
  void* memory = guarded(bytes, &mapped);
  if (!memory) return kOutOfMemory;
  device.memory[(uintptr_t)memory] = {bytes, mapped, true, ofPool};
  device.used += bytes;
  *p = (CUdeviceptr)(uintptr_t)memory;
  return 0;
}
static int deallocate(uintptr_t p, const char* what) {
  auto it = device.memory.find(p);
  if (it == device.memory.end() || !it->second.live) {
    report(std::string(what) + (it == device.memory.end() ? ": not the start of an allocation" : ": memory freed twice"));
    return kInvalidValue;
  }
  it->second.live = false;  // kept, and closed to everyone, so that a use of it shows
  mprotect((void*)(p / 4096 * 4096), it->second.mapped - 8192, PROT_NONE);
  device.used -= it->second.bytes;
  return 0;
}
API CUresult cuMemAlloc_v2(CUdeviceptr* p, size_t bytes) { ENTER_CONTEXT; NOT_IN_CAPTURE; return (CUresult)allocate(p, bytes, false); }
API CUresult cuMemFree_v2(CUdeviceptr p) {
  ENTER_CONTEXT;
  NOT_IN_CAPTURE;
  auto it = device.memory.find((uintptr_t)p);
  if (it == device.memory.end() || !it->second.ofPool) finishAll();  // memory of the pool is freed at once, whatever still uses it
  return (CUresult)deallocate((uintptr_t)p, "cuMemFree");
}
API CUresult cuMemGetInfo_v2(size_t* free, size_t* total) { ENTER_CONTEXT; *free = device.total - device.used; *total = device.total; return (CUresult)0; }
API CUresult cuMemAllocAsync(CUdeviceptr* p, size_t bytes, CUstream) { ENTER_CONTEXT; return (CUresult)allocate(p, bytes, true); }
API CUresult cuMemFreeAsync(CUdeviceptr p, CUstream s) {
  ENTER_CONTEXT;
  uintptr_t a = (uintptr_t)p;
  return (CUresult)submit(s, "cuMemFreeAsync", [a] { return deallocate(a, "cuMemFreeAsync"); });
}
API CUresult cuMemHostAlloc(void** p, size_t bytes, unsigned) {
  ENTER_CONTEXT;
  NOT_IN_CAPTURE;
  if (posix_memalign(p, 4096, bytes)) return (CUresult)kOutOfMemory;
  memset(*p, 0xff, bytes);
  device.pinned[(uintptr_t)*p] = {bytes, true};
  return (CUresult)0;
}
API CUresult cuMemFreeHost(void* p) {
  ENTER_CONTEXT;
  auto it = device.pinned.find((uintptr_t)p);
  if (it == device.pinned.end() || !it->second.owned) return (CUresult)kInvalidValue;
  finishAll();
  device.pinned.erase(it);
  free(p);
  return (CUresult)0;
}
API CUresult cuMemHostRegister_v2(void* p, size_t bytes, unsigned) { ENTER_CONTEXT; device.pinned[(uintptr_t)p] = {bytes, false}; return (CUresult)0; }
API CUresult cuMemHostUnregister(void* p) { ENTER_CONTEXT; finishAll(); return (CUresult)(device.pinned.erase((uintptr_t)p) ? 0 : kInvalidValue); }

static bool isPinned(const void* p, size_t bytes) {
  auto it = device.pinned.upper_bound((uintptr_t)p);
  if (it == device.pinned.begin()) return false;
  --it;
  return (uintptr_t)p + bytes <= it->first + it->second.bytes;
}
API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void* h, size_t bytes, CUstream s) {
  ENTER_CONTEXT;
  uintptr_t to = (uintptr_t)d;
  if (!reachable(to, bytes, "upload")) return (CUresult)kInvalidValue;
  if (isPinned(h, bytes))  // read when it happens, not now: a buffer refilled too early shows
    return (CUresult)submit(s, "upload", [=] { return reachable(to, bytes, "upload") ? memcpy((void*)to, h, bytes), 0 : (int)kIllegalAddress; });
  if (own(s)->capture) { invalidateCaptures(); return (CUresult)kCaptureUnsupported; }
  auto copy = std::make_shared<std::vector<char>>((const char*)h, (const char*)h + bytes);
  return (CUresult)submit(s, "upload", [=] { return reachable(to, bytes, "upload") ? memcpy((void*)to, copy->data(), bytes), 0 : (int)kIllegalAddress; });
}
API CUresult cuMemcpyDtoHAsync_v2(void* h, CUdeviceptr d, size_t bytes, CUstream s) {
  ENTER_CONTEXT;
  uintptr_t from = (uintptr_t)d;
  if (!reachable(from, bytes, "download")) return (CUresult)kInvalidValue;
  bool pinned = isPinned(h, bytes);
  if (!pinned && own(s)->capture) { invalidateCaptures(); return (CUresult)kCaptureUnsupported; }
  int status = submit(s, "download", [=] { return reachable(from, bytes, "download") ? memcpy(h, (void*)from, bytes), 0 : (int)kIllegalAddress; });
  if (!status && !pinned) finish(own(s)), status = device.sticky;
  return (CUresult)status;
}
API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr o, size_t bytes, CUstream s) {
  ENTER_CONTEXT;
  uintptr_t to = (uintptr_t)d, from = (uintptr_t)o;
  if (!reachable(to, bytes, "copy") || !reachable(from, bytes, "copy")) return (CUresult)kInvalidValue;
  return (CUresult)submit(s, "copy", [=] {
    return reachable(to, bytes, "copy") && reachable(from, bytes, "copy") ? memmove((void*)to, (void*)from, bytes), 0 : (int)kIllegalAddress;
  });
}
template <class T> static CUresult fill(CUdeviceptr d, T value, size_t n, CUstream s) {
  uintptr_t to = (uintptr_t)d;
  if (to % sizeof(T) || !reachable(to, n * sizeof(T), "fill")) return (CUresult)kInvalidValue;
  return (CUresult)submit(s, "fill", [=] { return reachable(to, n * sizeof(T), "fill") ? std::fill_n((T*)to, n, value), 0 : (int)kIllegalAddress; });
}
API CUresult cuMemsetD8Async(CUdeviceptr d, unsigned char v, size_t n, CUstream s) { ENTER_CONTEXT; return fill(d, v, n, s); }
API CUresult cuMemsetD16Async(CUdeviceptr d, unsigned short v, size_t n, CUstream s) { ENTER_CONTEXT; return fill(d, v, n, s); }
API CUresult cuMemsetD32Async(CUdeviceptr d, unsigned v, size_t n, CUstream s) { ENTER_CONTEXT; return fill(d, v, n, s); }
