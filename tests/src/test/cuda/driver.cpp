// The driver API over the simulated device. Work is queued and runs when something waits for it, as late and in as unhelpful an order as the
// rules of CUDA allow, so that a missing wait shows in the numbers.
#include "driver.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace standin;
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

struct CUmod_st { void* library; std::string file; const Kernel* kernels; int count; char *sharedBegin, *sharedEnd; Machine** machine; };
struct CUfunc_st { CUmod_st* module; const Kernel* kernel; int dynamicShared = 48 * 1024; };
static CUctx_st* const kContext = (CUctx_st*)0x1000;
static const size_t kSharedLimit = 232448;

namespace standin {
Device device;
static thread_local bool current = false;
static std::map<std::string, std::pair<int, int>> injections;
static std::vector<CUfunction> functions;

int injected(const char* function) {
  auto it = injections.find(function);
  if (it == injections.end()) return 0;
  if (it->second.second-- > 0) return 0;
  int status = it->second.first;
  injections.erase(it);
  return status;
}
bool ready() { return current && device.retained > 0; }
void report(const std::string& line) { device.reports += line + "\n"; }

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
std::string describe(uintptr_t address) {
  auto* a = containing(address, 8192);
  if (!a) return "";
  std::string memory = "memory of " + std::to_string(a->second.bytes) + " bytes";
  if (address < a->first) return std::to_string(a->first - address) + " bytes before " + memory;
  if (!a->second.live) return memory + " that was freed";
  return std::to_string(address - a->first - a->second.bytes) + " bytes after the end of " + memory;
}
bool reachable(uintptr_t address, size_t bytes, const std::string& what) {
  auto* a = containing(address, 0);
  if (a && a->second.live && address + bytes <= a->first + a->second.bytes && address >= a->first) return true;
  report(what + " of " + std::to_string(bytes) + " bytes " + (a == nullptr ? "outside device memory" : !a->second.live ? "in memory that was freed" : "beyond its end in memory of " + std::to_string(a->second.bytes) + " bytes"));
  return false;
}
}  // namespace standin

// ---- queues
static double now() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
static bool blocked(const Work& w) { return w.kind == Work::Wait && w.event->reached < w.ticket; }
static void slackIntact(const std::string& what) {  // the bytes between an allocation's end and its page's end
  for (auto& [address, a] : device.memory)
    if (a.live)
      for (size_t i = a.bytes; i < (a.bytes + 255) / 256 * 256; i++)
        if (((unsigned char*)address)[i] != 0xff) {
          report(what + ": write " + std::to_string(i - a.bytes) + " bytes after the end of memory of " + std::to_string(a.bytes) + " bytes");
          ((unsigned char*)address)[i] = 0xff;
          if (!device.sticky) device.sticky = kIllegalAddress;
        }
}
static void perform(CUstream s) {
  Work w = std::move(s->queue.front());
  s->queue.pop_front();
  if (w.kind == Work::Record) {
    w.event->reached = std::max(w.event->reached, w.ticket);
    w.event->milliseconds = now();
  } else if (w.kind == Work::Run && !device.sticky) {
    int status = w.run();
    if (status && !device.sticky) device.sticky = status;
    slackIntact(w.what);
  }
}
static uint64_t draw(uint64_t n) { return mix(device.seed * 1000003 + device.draws++) % n; }

// Runs one piece of work that brings `s` forward, its own or what it waits for.
static void advance(CUstream s) {
  while (blocked(s->queue.front())) {
    CUstream source = nullptr;
    for (CUstream other : device.streams)
      for (const Work& w : other->queue)
        if (w.kind == Work::Record && w.event == s->queue.front().event && w.ticket <= s->queue.front().ticket) source = other;
    if (!source) {  // recorded on a stream that is gone: its work is done
      s->queue.front().event->reached = s->queue.front().ticket;
      break;
    }
    s = source;
  }
  perform(s);
}
template <class Done> static void runUntil(CUstream s, Done done) {
  if (device.order == 1)
    for (bool more = true; more;) {
      more = false;
      for (CUstream other : device.streams)
        if (other != s && !other->queue.empty() && !blocked(other->queue.front())) perform(other), more = true;
    }
  while (!done()) {
    if (device.order == 2 && draw(3) == 0) {
      std::vector<CUstream> able;
      for (CUstream other : device.streams)
        if (!other->queue.empty() && !blocked(other->queue.front())) able.push_back(other);
      if (!able.empty()) {
        perform(able[draw(able.size())]);
        continue;
      }
    }
    advance(s);
  }
}
static void finish(CUstream s) {
  runUntil(s, [s] { return s->queue.empty(); });
}
static void finishAll() {
  std::vector<CUstream> all = device.streams;
  for (size_t i = all.size(); i > 1; i--) std::swap(all[i - 1], all[draw(i)]);
  for (CUstream s : all) finish(s);
}
static bool invalidateCaptures() {
  bool any = false;
  for (CUstream s : device.streams)
    if (s->capture) s->capture->invalid = any = true;
  return any;
}
static CUstream own(CUstream s) {
  static CUstream zero = nullptr;
  if (s) return s;
  if (!zero) zero = new CUstream_st();
  if (std::find(device.streams.begin(), device.streams.end(), zero) == device.streams.end()) device.streams.push_back(zero);
  return zero;
}
static size_t addNode(CUstream s, Work work) {
  Capture& c = *s->capture;
  c.graph->nodes.push_back({std::move(work), c.ends[s]});
  c.ends[s] = {c.graph->nodes.size() - 1};
  return c.graph->nodes.size() - 1;
}
int standin::submit(CUstream s, const std::string& what, std::function<int()> run, const void* kernel) {
  s = own(s);
  Work w{Work::Run, std::move(run), nullptr, 0, what, kernel};
  if (s->capture) {
    if (s->capture->invalid) return kCaptureInvalidated;
    addNode(s, std::move(w));
  } else {
    s->queue.push_back(std::move(w));
  }
  return 0;
}

// ---- controls for tests
API void standin_set(const char* key, long value) {
  std::string k = key;
  if (k == "seed") device.seed = value, device.draws = 0;
  else if (k == "order") device.order = value;
  else if (k == "memory") device.total = value;
  else if (k == "devices") device.devices = value;
  else if (k == "capability") device.capability = value;
}
API void standin_fail(const char* function, int status, int after) { injections[function] = {status, after}; }
API size_t standin_report(char* out, size_t bytes) {
  size_t n = std::min(bytes - 1, device.reports.size());
  memcpy(out, device.reports.data(), n);
  out[n] = 0;
  return device.reports.size();
}
API void standin_clear() { device.reports.clear(); injections.clear(); }

// ---- start, devices, context
API CUresult cuInit(unsigned) { ENTER; return (CUresult)(device.devices > 0 ? 0 : kNoDevice); }
API CUresult cuDriverGetVersion(int* v) { ENTER; *v = 13000; return (CUresult)0; }
static const std::map<int, std::pair<const char*, const char*>> kErrors = {
    {0, {"CUDA_SUCCESS", "no error"}}, {1, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}}, {2, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {3, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}}, {100, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {101, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}}, {200, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {201, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}}, {209, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
    {400, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}}, {500, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {600, {"CUDA_ERROR_NOT_READY", "device not ready"}}, {700, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {701, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}}, {719, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {801, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}}, {803, {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"}},
    {900, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
    {901, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
    {904, {"CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"}},
    {910, {"CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "the graph update was not performed because it included changes which violated constraints"}}};
API CUresult cuGetErrorName(CUresult e, const char** s) {
  auto it = kErrors.find((int)e);
  *s = it == kErrors.end() ? nullptr : it->second.first;
  return (CUresult)(*s ? 0 : kInvalidValue);
}
API CUresult cuGetErrorString(CUresult e, const char** s) {
  auto it = kErrors.find((int)e);
  *s = it == kErrors.end() ? nullptr : it->second.second;
  return (CUresult)(*s ? 0 : kInvalidValue);
}
API CUresult cuDeviceGetCount(int* n) { ENTER; *n = (int)device.devices; return (CUresult)0; }
API CUresult cuDeviceGet(CUdevice* d, int i) { ENTER; if (i < 0 || i >= device.devices) return (CUresult)kInvalidDevice; *d = i; return (CUresult)0; }
API CUresult cuDeviceGetName(char* name, int n, CUdevice) { ENTER; snprintf(name, n, "Jemma CPU stand-in"); return (CUresult)0; }
API CUresult cuDeviceGetPCIBusId(char* id, int n, CUdevice d) { ENTER; snprintf(id, n, "0000:%02x:00.0", d + 1); return (CUresult)0; }
API CUresult cuDeviceTotalMem_v2(size_t* b, CUdevice) { ENTER; *b = device.total; return (CUresult)0; }
API CUresult cuDeviceGetUuid_v2(CUuuid* u, CUdevice d) { ENTER; for (int i = 0; i < 16; i++) u->bytes[i] = (char)(i * 16 + d); return (CUresult)0; }
API CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* p, CUdevice) { ENTER; *p = (CUmemoryPool)0x2000; return (CUresult)0; }
API CUresult cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, void*) { ENTER_CONTEXT; return (CUresult)0; }
API CUresult cuMemPoolTrimTo(CUmemoryPool, size_t) { ENTER_CONTEXT; return (CUresult)0; }
API CUresult cuDeviceGetAttribute(int* v, CUdevice_attribute a, CUdevice) {
  ENTER;
  switch ((int)a) {
    case 1: case 39: *v = 1024; break;
    case 8: *v = 49152; break;
    case 10: *v = 32; break;
    case 13: *v = 1000000; break;
    case 16: *v = 4; break;
    case 18: *v = 0; break;
    case 36: *v = 1000000; break;
    case 37: *v = 64; break;
    case 38: *v = 1 << 20; break;
    case 75: *v = (int)device.capability / 10; break;
    case 76: *v = (int)device.capability % 10; break;
    case 81: case 97: *v = kSharedLimit; break;
    case 82: *v = 65536; break;
    case 95: case 115: *v = 1; break;
    default: *v = 0;
  }
  return (CUresult)0;
}
API CUresult cuDevicePrimaryCtxRetain(CUcontext* c, CUdevice) { ENTER; device.retained++; *c = kContext; return (CUresult)0; }
API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice, unsigned) { ENTER; return (CUresult)0; }
API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice) {
  ENTER;
  if (device.retained == 0) return (CUresult)kInvalidContext;
  if (--device.retained > 0) return (CUresult)0;
  for (CUstream s : device.streams) s->queue.clear(), s->capture.reset();
  for (auto& [address, a] : device.memory) {
    if (a.live) report("leak: device memory of " + std::to_string(a.bytes) + " bytes");
    if (!a.live) mprotect((void*)(address / 4096 * 4096), a.mapped - 8192, PROT_READ | PROT_WRITE);
    release((void*)address, a.mapped);
  }
  for (auto& [address, p] : device.pinned) report("leak: pinned memory of " + std::to_string(p.bytes) + " bytes");
  size_t streams = std::count_if(device.streams.begin(), device.streams.end(), [](CUstream s) { return s != own(nullptr); });
  for (auto& [n, what] : std::vector<std::pair<size_t, const char*>>{{streams, "streams"}, {device.events.size(), "events"},
           {(size_t)device.modules, "modules"}, {(size_t)device.graphs, "graphs"}, {(size_t)device.handles, "cuBLAS handles"}})
    if (n) report("leak: " + std::to_string(n) + " " + what);
  device.memory.clear(), device.pinned.clear(), device.streams.clear(), device.events.clear();
  device.modules = device.graphs = device.handles = 0, device.used = 0, device.sticky = 0;
  return (CUresult)0;
}
API CUresult cuCtxSetCurrent(CUcontext c) { ENTER; current = c != nullptr; return (CUresult)0; }
API CUresult cuCtxGetCurrent(CUcontext* c) { ENTER; *c = current ? kContext : nullptr; return (CUresult)0; }
API CUresult cuCtxSynchronize() { ENTER_CONTEXT; NOT_IN_CAPTURE; finishAll(); return (CUresult)device.sticky; }

// ---- memory
static int allocate(CUdeviceptr* p, size_t bytes) {
  if (bytes == 0) return kInvalidValue;
  if (device.used + bytes > (size_t)device.total) return kOutOfMemory;
  size_t mapped;
  void* memory = guarded(bytes, &mapped);
  if (!memory) return kOutOfMemory;
  device.memory[(uintptr_t)memory] = {bytes, mapped, true};
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
API CUresult cuMemAlloc_v2(CUdeviceptr* p, size_t bytes) { ENTER_CONTEXT; NOT_IN_CAPTURE; return (CUresult)allocate(p, bytes); }
API CUresult cuMemFree_v2(CUdeviceptr p) { ENTER_CONTEXT; NOT_IN_CAPTURE; finishAll(); return (CUresult)deallocate((uintptr_t)p, "cuMemFree"); }
API CUresult cuMemGetInfo_v2(size_t* free, size_t* total) { ENTER_CONTEXT; *free = device.total - device.used; *total = device.total; return (CUresult)0; }
API CUresult cuMemAllocAsync(CUdeviceptr* p, size_t bytes, CUstream) { ENTER_CONTEXT; return (CUresult)allocate(p, bytes); }
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

// ---- streams and events
API CUresult cuStreamCreate(CUstream* s, unsigned) { ENTER_CONTEXT; *s = new CUstream_st(); device.streams.push_back(*s); return (CUresult)0; }
API CUresult cuStreamDestroy_v2(CUstream s) {
  ENTER;
  auto it = std::find(device.streams.begin(), device.streams.end(), s);
  if (it == device.streams.end()) return (CUresult)kInvalidHandle;
  if (!device.sticky) finish(s);
  device.streams.erase(std::find(device.streams.begin(), device.streams.end(), s));
  delete s;
  return (CUresult)0;
}
API CUresult cuStreamSynchronize(CUstream s) {
  ENTER_CONTEXT;
  s = own(s);
  if (s->capture) { s->capture->invalid = true; return (CUresult)kCaptureUnsupported; }
  finish(s);
  return (CUresult)device.sticky;
}
API CUresult cuStreamQuery(CUstream s) {
  ENTER_CONTEXT;
  s = own(s);
  if (s->capture) { s->capture->invalid = true; return (CUresult)kCaptureUnsupported; }
  if (s->queue.empty()) return (CUresult)0;
  advance(s);  // time passes while one asks
  return (CUresult)(device.sticky ? device.sticky : kNotReady);
}
API CUresult cuEventCreate(CUevent* e, unsigned flags) { ENTER_CONTEXT; *e = new CUevent_st(flags); device.events.push_back(*e); return (CUresult)0; }
API CUresult cuEventDestroy_v2(CUevent e) {
  ENTER;
  auto it = std::find(device.events.begin(), device.events.end(), e);
  if (it == device.events.end()) return (CUresult)kInvalidHandle;
  if (!device.sticky) finishAll();
  device.events.erase(it);
  for (CUstream s : device.streams)
    s->queue.erase(std::remove_if(s->queue.begin(), s->queue.end(), [e](const Work& w) { return w.event == e; }), s->queue.end());
  delete e;
  return (CUresult)0;
}
API CUresult cuEventRecord(CUevent e, CUstream s) {
  ENTER_CONTEXT;
  s = own(s);
  if (s->capture) {
    e->capture = s->capture;
    e->ends = s->capture->ends[s];
    return (CUresult)0;
  }
  e->capture.reset();
  s->queue.push_back({Work::Record, nullptr, e, ++e->recorded, "record"});
  return (CUresult)0;
}
API CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned) {
  ENTER_CONTEXT;
  s = own(s);
  if (e->capture) {
    if (s->capture && s->capture != e->capture) return (CUresult)kInvalidValue;
    s->capture = e->capture;
    auto& ends = s->capture->ends[s];
    ends.insert(ends.end(), e->ends.begin(), e->ends.end());
    return (CUresult)0;
  }
  if (s->capture) { s->capture->invalid = true; return (CUresult)kCaptureUnsupported; }
  if (e->recorded > 0) s->queue.push_back({Work::Wait, nullptr, e, e->recorded, "wait"});
  return (CUresult)0;
}
API CUresult cuEventSynchronize(CUevent e) {
  ENTER_CONTEXT;
  NOT_IN_CAPTURE;
  while (e->reached < e->recorded) {
    CUstream source = nullptr;
    for (CUstream s : device.streams)
      for (const Work& w : s->queue)
        if (w.kind == Work::Record && w.event == e) source = s;
    if (!source) break;
    runUntil(source, [e, source] { return e->reached >= e->recorded || source->queue.empty(); });
  }
  return (CUresult)device.sticky;
}
API CUresult cuEventQuery(CUevent e) {
  ENTER_CONTEXT;
  if (e->reached >= e->recorded) return (CUresult)0;
  for (CUstream s : device.streams)
    for (const Work& w : s->queue)
      if (w.kind == Work::Record && w.event == e) {
        advance(s);
        return (CUresult)(device.sticky ? device.sticky : kNotReady);
      }
  return (CUresult)0;
}
static int elapsed(float* ms, CUevent a, CUevent b) {
  if ((a->flags | b->flags) & 2 || a->milliseconds < 0 || b->milliseconds < 0) return kInvalidHandle;
  if (a->reached < a->recorded || b->reached < b->recorded) return kNotReady;
  *ms = (float)(b->milliseconds - a->milliseconds);
  return 0;
}
#undef cuEventElapsedTime
API CUresult cuEventElapsedTime(float* ms, CUevent a, CUevent b) { ENTER_CONTEXT; return (CUresult)elapsed(ms, a, b); }

// ---- capture and graphs
API CUresult cuStreamBeginCapture_v2(CUstream s, CUstreamCaptureMode) {
  ENTER_CONTEXT;
  if (own(s)->capture) return (CUresult)kInvalidValue;
  s->capture = std::make_shared<Capture>();
  s->capture->graph = new CUgraph_st();
  s->capture->origin = s;
  s->capture->ends[s];
  return (CUresult)0;
}
API CUresult cuStreamIsCapturing(CUstream s, CUstreamCaptureStatus* status) {
  ENTER_CONTEXT;
  *status = (CUstreamCaptureStatus)(!own(s)->capture ? 0 : s->capture->invalid ? 2 : 1);
  return (CUresult)0;
}
API CUresult cuStreamEndCapture(CUstream s, CUgraph* out) {
  ENTER;
  *out = nullptr;
  if (!own(s)->capture || s->capture->origin != s) return (CUresult)kInvalidValue;
  std::shared_ptr<Capture> c = s->capture;
  for (CUstream other : device.streams)
    if (other->capture == c) other->capture.reset();
  if (c->invalid) { delete c->graph; return (CUresult)kCaptureInvalidated; }
  // everything must come before the end of the stream that began
  std::vector<bool> joined(c->graph->nodes.size());
  std::vector<size_t> todo = c->ends[s];
  while (!todo.empty()) {
    size_t n = todo.back();
    todo.pop_back();
    if (joined[n]) continue;
    joined[n] = true;
    todo.insert(todo.end(), c->graph->nodes[n].after.begin(), c->graph->nodes[n].after.end());
  }
  if (std::count(joined.begin(), joined.end(), false)) { delete c->graph; return (CUresult)kCaptureUnjoined; }
  *out = c->graph;
  device.graphs++;
  return (CUresult)0;
}
API CUresult cuGraphGetNodes(CUgraph g, CUgraphNode*, size_t* n) { ENTER; *n = g->nodes.size(); return (CUresult)0; }
API CUresult cuGraphInstantiateWithFlags(CUgraphExec* e, CUgraph g, unsigned long long) { ENTER_CONTEXT; *e = new CUgraphExec_st{g->nodes}; device.graphs++; return (CUresult)0; }
API CUresult cuGraphUpload(CUgraphExec, CUstream) { ENTER_CONTEXT; return (CUresult)0; }
API CUresult cuGraphLaunch(CUgraphExec e, CUstream s) {
  ENTER_CONTEXT;
  auto nodes = std::make_shared<std::vector<Node>>(e->nodes);
  return (CUresult)submit(s, "graph", [nodes] {
    std::vector<bool> done(nodes->size());
    for (size_t left = nodes->size(); left > 0; left--) {
      std::vector<size_t> able;
      for (size_t i = 0; i < nodes->size(); i++)
        if (!done[i] && std::all_of((*nodes)[i].after.begin(), (*nodes)[i].after.end(), [&](size_t b) { return done[b]; })) able.push_back(i);
      size_t next = able[draw(able.size())];
      if (int status = (*nodes)[next].work.run()) return status;
      done[next] = true;
    }
    return 0;
  });
}
API CUresult cuGraphExecUpdate_v2(CUgraphExec e, CUgraph g, CUgraphExecUpdateResultInfo* info) {
  ENTER_CONTEXT;
  bool same = e->nodes.size() == g->nodes.size();
  for (size_t i = 0; same && i < g->nodes.size(); i++)
    same = e->nodes[i].after == g->nodes[i].after && e->nodes[i].work.what == g->nodes[i].work.what && e->nodes[i].work.kernel == g->nodes[i].work.kernel;
  memset(info, 0, sizeof *info);
  if (!same) {
    info->result = (CUgraphExecUpdateResult)2;  // the topology changed
    return (CUresult)kGraphUpdateFailure;
  }
  e->nodes = g->nodes;
  return (CUresult)0;
}
API CUresult cuGraphDestroy(CUgraph g) { ENTER; delete g; device.graphs--; return (CUresult)0; }
API CUresult cuGraphExecDestroy(CUgraphExec e) { ENTER; delete e; device.graphs--; return (CUresult)0; }

// ---- modules and launches
API CUresult cuModuleLoadDataEx(CUmodule* out, const void* image, unsigned n, CUjit_option* options, void** values) {
  ENTER_CONTEXT;
  NOT_IN_CAPTURE;
  auto refuse = [&](int status, const char* why) {
    for (unsigned i = 0; i < n; i++)
      if ((int)options[i] == 5) snprintf((char*)values[i], 256, "%s", why);
    return (CUresult)status;
  };
  const Elf64_Ehdr* head = (const Elf64_Ehdr*)image;
  if (memcmp(image, ELFMAG, SELFMAG)) return refuse(kInvalidImage, "the image is no ELF file");
  size_t bytes = head->e_shoff + (size_t)head->e_shnum * head->e_shentsize;
  const char* folder = getenv("TMPDIR");
  std::string file = std::string(folder ? folder : "/tmp") + "/jemma-standin-XXXXXX";
  int fd = mkstemp(file.data());
  if (fd < 0 || write(fd, image, bytes) != (ssize_t)bytes) return refuse(kInvalidImage, "no room for the image");
  close(fd);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* why = library ? "" : dlerror();
  unlink(file.c_str());
  if (!library) return refuse(kInvalidImage, why);
  const int* arch = (const int*)dlsym(library, "standin_arch");
  if (!arch || *arch / 10 != device.capability / 10 || *arch > device.capability) {
    dlclose(library);
    return refuse(kNoBinaryForGpu, "the image is for another compute capability");
  }
  *out = new CUmod_st{library, file, (const Kernel*)dlsym(library, "standin_kernels"), *(const int*)dlsym(library, "standin_kernel_count"),
                      *(char**)dlsym(library, "standin_shared_begin"), *(char**)dlsym(library, "standin_shared_end"),
                      *(Machine***)dlsym(library, "standin_machine")};
  device.modules++;
  return (CUresult)0;
}
API CUresult cuModuleUnload(CUmodule m) {
  ENTER;
  if (!device.sticky) finishAll();
  functions.erase(std::remove_if(functions.begin(), functions.end(), [m](CUfunction f) { return f->module == m ? delete f, true : false; }), functions.end());
  dlclose(m->library);
  delete m;
  device.modules--;
  return (CUresult)0;
}
API CUresult cuModuleGetFunction(CUfunction* f, CUmodule m, const char* name) {
  ENTER_CONTEXT;
  for (CUfunction known : functions)
    if (known->module == m && !strcmp(known->kernel->name, name)) { *f = known; return (CUresult)0; }
  for (int i = 0; i < m->count; i++)
    if (!strcmp(m->kernels[i].name, name)) {
      functions.push_back(*f = new CUfunc_st{m, &m->kernels[i]});
      return (CUresult)0;
    }
  return (CUresult)kNotFound;
}
API CUresult cuModuleGetGlobal_v2(CUdeviceptr* p, size_t* bytes, CUmodule m, const char* name) {
  ENTER_CONTEXT;
  void* symbol = dlsym(m->library, name);
  if (!symbol) return (CUresult)kNotFound;
  Dl_info info;
  const Elf64_Sym* entry = nullptr;
  dladdr1(symbol, &info, (void**)&entry, RTLD_DL_SYMENT);
  *p = (CUdeviceptr)(uintptr_t)symbol;
  *bytes = entry ? entry->st_size : 0;
  device.memory[(uintptr_t)symbol] = {*bytes, 0, true};
  return (CUresult)0;
}
API CUresult cuFuncGetAttribute(int* v, CUfunction_attribute a, CUfunction f) {
  ENTER_CONTEXT;
  switch ((int)a) {
    case 0: *v = f->kernel->maxThreads; break;
    case 1: *v = (int)(f->module->sharedEnd - f->module->sharedBegin); break;
    case 4: *v = 32; break;
    case 8: *v = f->dynamicShared; break;
    default: *v = 0;
  }
  return (CUresult)0;
}
API CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) {
  ENTER_CONTEXT;
  if ((int)a == 8) {
    if (v < 0 || (size_t)v > kSharedLimit) return (CUresult)kInvalidValue;
    f->dynamicShared = v;
  }
  return (CUresult)0;
}
API CUresult cuFuncGetParamInfo(CUfunction f, size_t i, size_t* offset, size_t* bytes) {
  ENTER_CONTEXT;
  if (i >= (size_t)f->kernel->count) return (CUresult)kInvalidValue;
  *offset = f->kernel->offsets[i];
  *bytes = f->kernel->sizes[i];
  return (CUresult)0;
}
API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* n, CUfunction f, int threads, size_t shared) {
  ENTER_CONTEXT;
  size_t bytes = shared + (f->module->sharedEnd - f->module->sharedBegin) + 1024;
  *n = (int)std::min<size_t>(threads > f->kernel->maxThreads ? 0 : 1024 / threads, (kSharedLimit + 1024) / bytes);
  return (CUresult)0;
}
static int launch(CUfunction f, dim3 grid, dim3 block, unsigned shared, CUstream s, void** parameters) {
  size_t threads = (size_t)block.x * block.y * block.z;
  size_t fixed = f->module->sharedEnd - f->module->sharedBegin;
  if (threads == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0 || threads > (size_t)f->kernel->maxThreads || block.z > 64 || grid.y > 65535 ||
      grid.z > 65535 || shared > (unsigned)f->dynamicShared || shared + fixed > kSharedLimit)
    return kInvalidValue;
  auto values = std::make_shared<std::vector<std::vector<char>>>();  // copied now: the caller's block may change
  for (int i = 0; i < f->kernel->count; i++) values->emplace_back((char*)parameters[i], (char*)parameters[i] + f->kernel->sizes[i]);
  return submit(s, std::string("kernel ") + f->kernel->name, [=] {
    std::vector<std::vector<char>> mine = *values;
    std::vector<void*> pointers;
    for (auto& v : mine) pointers.push_back(v.data());
    pointers.push_back(nullptr);
    Fault fault = run({f->kernel, grid, block, shared, f->module->sharedBegin, f->module->sharedEnd, f->module->machine, pointers.data()},
                      device.seed * 7919 + device.draws++);
    return fault == Fault::None ? 0 : fault == Fault::Address ? (int)kIllegalAddress : (int)kLaunchFailed;
  }, f);
}
API CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream s, void** parameters, void**) {
  ENTER_CONTEXT;
  return (CUresult)launch(f, {gx, gy, gz}, {bx, by, bz}, shared, s, parameters);
}
API CUresult cuLaunchKernelEx(const CUlaunchConfig* c, CUfunction f, void** parameters, void**) {
  ENTER_CONTEXT;
  for (unsigned i = 0; i < c->numAttrs; i++)
    if ((int)c->attrs[i].id == 4) return (CUresult)kNotSupported;  // clusters read each other's shared memory: not simulated
  return (CUresult)launch(f, {c->gridDimX, c->gridDimY, c->gridDimZ}, {c->blockDimX, c->blockDimY, c->blockDimZ}, c->sharedMemBytes, c->hStream, parameters);
}
