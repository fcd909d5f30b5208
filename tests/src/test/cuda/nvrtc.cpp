// NVRTC's ABI over g++: a "cubin" is a shared library of the program, which cuModuleLoadDataEx opens. Options are checked as NVRTC checks them.
#include "abi.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))
namespace standin { int injected(const char* function); }

struct _nvrtcProgram {
  std::string source, name, log;
  std::map<std::string, std::string> headers;
  std::vector<char> image;
};
enum { kInvalidInput = 3, kInvalidOption = 5, kCompilation = 6 };
static const int kArchs[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

API const char* nvrtcGetErrorString(nvrtcResult r) {
  switch ((int)r) {
    case 0: return "NVRTC_SUCCESS";
    case kInvalidInput: return "NVRTC_ERROR_INVALID_INPUT";
    case kInvalidOption: return "NVRTC_ERROR_INVALID_OPTION";
    case kCompilation: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR unknown";
  }
}
API nvrtcResult nvrtcVersion(int* major, int* minor) { *major = 13, *minor = 0; return (nvrtcResult)0; }
API nvrtcResult nvrtcGetNumSupportedArchs(int* n) { *n = sizeof kArchs / sizeof *kArchs; return (nvrtcResult)0; }
API nvrtcResult nvrtcGetSupportedArchs(int* a) { memcpy(a, kArchs, sizeof kArchs); return (nvrtcResult)0; }
API nvrtcResult nvrtcCreateProgram(nvrtcProgram* p, const char* source, const char* name, int n, const char* const* headers, const char* const* names) {
  *p = new _nvrtcProgram{source, name ? name : "default_program"};
  for (int i = 0; i < n; i++) (*p)->headers[names[i]] = headers[i];
  return (nvrtcResult)0;
}
API nvrtcResult nvrtcDestroyProgram(nvrtcProgram* p) { delete *p; *p = nullptr; return (nvrtcResult)0; }

static std::string folder() {  // where this library lies: device.h is beside it
  Dl_info info;
  dladdr((void*)&folder, &info);
  std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}
static std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

API nvrtcResult nvrtcCompileProgram(nvrtcProgram p, int n, const char* const* options) {
  if (int status = standin::injected(__func__)) return (nvrtcResult)status;
  std::string defines, target = "sm_90";
  for (int i = 0; i < n; i++) {
    std::string o = options[i];
    if (o.rfind("--gpu-architecture=", 0) == 0) target = o.substr(19);
    else if (o.rfind("-D", 0) == 0) defines += " '" + o + "'";
    else if (o != "--ptxas-options=-v" && o != "-lineinfo" && o != "--std=c++17" && o != "--use_fast_math") {
      p->log = "nvrtc: error: unrecognized option " + o + " found\n";
      return (nvrtcResult)kInvalidOption;
    }
  }
  int arch = atoi(target.c_str() + target.find('_') + 1);
  bool known = false;
  for (int a : kArchs) known |= a == arch;
  if (!known) {
    p->log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
    return (nvrtcResult)kInvalidOption;
  }
  char temporary[] = "/tmp/jemma-nvrtc-XXXXXX";
  std::string dir = mkdtemp(temporary);
  for (auto& [name, text] : p->headers) std::ofstream(dir + "/" + name) << text;
  // dynamic shared memory is declared as an array without a size
  std::string source = std::regex_replace(p->source,
      std::regex(R"(extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?(\w+(?:\s+\w+)?)\s+(\w+)\s*\[\s*\]\s*;)"),
      "$1* const $2 = ($1*)standin::machine->dynamicShared;");
  std::regex kernel(R"(__global__\s+(?:void\s+)?(?:__launch_bounds__\s*\(\s*([^(),]+)[^)]*\)\s*)?(?:void\s+)?(\w+)\s*\()");
  std::vector<std::pair<std::string, std::string>> kernels;
  for (std::sregex_iterator it(source.begin(), source.end(), kernel), end; it != end; ++it)
    kernels.push_back({(*it)[2], (*it)[1].length() ? (*it)[1].str() : "1024"});
  {
    std::ofstream out(dir + "/program.cpp");
    out << "#line 1 \"" << p->name << "\"\n" << source << "\n#line 1 \"standin\"\n"
        << "__attribute__((section(\"standin_shared\"), used, aligned(16))) static char standin_shared_first[16];\n"
        << "extern \"C\" char __start_standin_shared[], __stop_standin_shared[];\n"
        << "extern \"C\" { int standin_arch = " << arch << "; standin::Machine** standin_machine = &standin::machine;\n"
        << "char* standin_shared_begin = __start_standin_shared; char* standin_shared_end = __stop_standin_shared;\n"
        << "int standin_kernel_count = " << kernels.size() << ";\n"
        << "standin::Kernel standin_kernels[] = {";
    for (auto& [name, threads] : kernels) out << "STANDIN_KERNEL(" << name << ", " << threads << "),";
    out << "{nullptr, nullptr, 0, 0, nullptr, nullptr}}; }\n";
  }
  std::string sanitize;
#ifdef __SANITIZE_ADDRESS__
  sanitize = " -fsanitize=address,undefined";
#endif
  std::string command = "env -u LD_PRELOAD g++ -std=c++17 -O1 -g -w -fPIC -shared -fvisibility=default -ffp-contract=off -fno-strict-aliasing" + sanitize +
                        " -D__CUDA_ARCH__=" + std::to_string(arch * 10) + defines + " -include " + folder() + "/device.h -I" + dir + " -o " + dir +
                        "/program.so " + dir + "/program.cpp > " + dir + "/log 2>&1";
  int status = system(command.c_str());
  p->log = read(dir + "/log");
  std::string image = read(dir + "/program.so");
  if (system(("rm -rf " + dir).c_str())) p->log += "cannot remove " + dir + "\n";
  if (status != 0) return (nvrtcResult)kCompilation;
  p->image.assign(image.begin(), image.end());
  for (auto& [name, threads] : kernels)
    p->log += "ptxas info    : Compiling entry function '" + name + "' for '" + target + "'\nptxas info    : Function properties for " + name +
              "\n    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\nptxas info    : Used 32 registers\n";
  return (nvrtcResult)0;
}
API nvrtcResult nvrtcGetCUBINSize(nvrtcProgram p, size_t* n) { *n = p->image.size(); return (nvrtcResult)0; }
API nvrtcResult nvrtcGetCUBIN(nvrtcProgram p, char* out) { memcpy(out, p->image.data(), p->image.size()); return (nvrtcResult)0; }
API nvrtcResult nvrtcGetPTXSize(nvrtcProgram p, size_t* n) { return nvrtcGetCUBINSize(p, n); }
API nvrtcResult nvrtcGetPTX(nvrtcProgram p, char* out) { return nvrtcGetCUBIN(p, out); }
API nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram p, size_t* n) { *n = p->log.size() + 1; return (nvrtcResult)0; }
API nvrtcResult nvrtcGetProgramLog(nvrtcProgram p, char* out) { memcpy(out, p->log.c_str(), p->log.size() + 1); return (nvrtcResult)0; }
