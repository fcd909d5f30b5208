// State of the simulated device, shared by driver.cpp and cublas.cpp.
#pragma once
#include "abi.h"
#include "machine.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace standin {
struct Allocation { size_t bytes, mapped; bool live, ofPool; };
struct Pinned { size_t bytes; bool owned; };

// One submitted piece of work. What it does is decided at submission; when it happens, by the synchronisations that follow.
struct Work {
  enum Kind { Run, Record, Wait } kind;
  std::function<int()> run;   // Run: gives a status
  CUevent event = nullptr;
  uint64_t ticket = 0;        // Record and Wait: which recording of the event
  std::string what;
  const void* kernel = nullptr;
};
struct Node { Work work; std::vector<size_t> after; };
}  // namespace standin

struct CUgraph_st { std::vector<standin::Node> nodes; };
struct CUgraphExec_st { std::vector<standin::Node> nodes; };
struct Capture {
  CUgraph_st* graph;
  CUstream origin;
  std::map<CUstream, std::vector<size_t>> ends;  // of each stream that takes part: the nodes its next work comes after
  bool invalid = false;
};
struct CUstream_st {
  std::deque<standin::Work> queue;
  std::shared_ptr<Capture> capture;
  bool destroyed = false;  // its work goes on
};
struct CUevent_st {
  explicit CUevent_st(unsigned f) : flags(f) {}
  unsigned flags;
  uint64_t recorded = 0, reached = 0;
  double milliseconds = -1;
  std::shared_ptr<Capture> capture;
  std::vector<size_t> ends;
};

namespace standin {
struct Device {
  std::recursive_mutex lock;
  std::map<uintptr_t, Allocation> memory;
  std::map<uintptr_t, Pinned> pinned;
  std::vector<CUstream> streams;
  std::vector<CUevent> events, destroyedEvents;  // the latter are still waited for by work under way
  int modules = 0, graphs = 0, handles = 0;
  size_t used = 0;
  int retained = 0, sticky = 0;
  uint64_t draws = 0;
  std::string reports;
  // set by tests
  uint64_t seed = 1;
  long order = 2;  // 0: what is waited for and no more; 1: all else first; 2: mixed by the seed
  long total = 1l << 30, devices = 1, capability = 90;
};
extern Device device;
int injected(const char* function);  // a status that a test ordered for this function, or 0
int submit(CUstream stream, const std::string& what, std::function<int()> run, const void* kernel = nullptr);
// Whether all of [address, address + bytes) is one live allocation; reports it if not.
bool reachable(uintptr_t address, size_t bytes, const std::string& what);
bool ready();  // a context is current on this thread
CUstream own(CUstream stream);  // the stream, or the default one for null
void finish(CUstream stream);
void finishAll();
bool invalidateCaptures();  // whether there were any: what is asked for is not possible while one records
uint64_t draw(uint64_t n);  // below n, by the seed
}  // namespace standin
