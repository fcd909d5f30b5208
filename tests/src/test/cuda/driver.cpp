// The simulated device: its state, the controls of tests, devices, the context, modules and launches.
#include "entry.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace standin;

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
}  // namespace standin

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
  size_t streams = std::count_if(device.streams.begin(), device.streams.end(), [](CUstream s) { return s != own(nullptr) && !s->destroyed; });
  for (auto& [n, what] : std::vector<std::pair<size_t, const char*>>{{streams, "streams"}, {device.events.size(), "events"},
           {(size_t)device.modules, "modules"}, {(size_t)device.graphs, "graphs"}, {(size_t)device.handles, "cuBLAS handles"}})
    if (n) report("leak: " + std::to_string(n) + " " + what);
  device.memory.clear(), device.pinned.clear(), device.streams.clear(), device.events.clear();
  for (CUevent e : device.destroyedEvents) delete e;
  device.destroyedEvents.clear();
  device.modules = device.graphs = device.handles = 0, device.used = 0, device.sticky = 0;
  return (CUresult)0;
}
API CUresult cuCtxSetCurrent(CUcontext c) { ENTER; current = c != nullptr; return (CUresult)0; }
API CUresult cuCtxGetCurrent(CUcontext* c) { ENTER; *c = current ? kContext : nullptr; return (CUresult)0; }
API CUresult cuCtxSynchronize() { ENTER_CONTEXT; NOT_IN_CAPTURE; finishAll(); return (CUresult)device.sticky; }

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
  device.memory[(uintptr_t)symbol] = {*bytes, 0, true, false};
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
