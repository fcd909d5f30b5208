#include "machine.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <set>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace standin {
namespace {
constexpr size_t kStack = 128 * 1024, kPage = 4096;

enum class State { Ready, Barrier, Exchange, Done, Faulted };
struct Copy { void* to; const void* from; unsigned bytes; };
struct Fiber {
  Thread thread;
  State state = State::Ready;
  int line = 0;
  unsigned mask = 0, bytes = 0;
  const void* mine = nullptr;
  char* all = nullptr;
  char* stack = nullptr;
  std::vector<Copy> copies;                // asked for since the last commit
  std::vector<std::vector<Copy>> groups;   // committed, oldest first
#if defined(__x86_64__)
  void* sp = nullptr;
#else
  ucontext_t context;
#endif
};

Machine machine;
std::vector<Fiber> fibers;
std::vector<char*> stacks;
Fiber* running = nullptr;
const Grid* grid = nullptr;
Fault fault = Fault::None;

std::string text(const uint3& v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}
std::string where(const Fiber& f) {
  return std::string("kernel ") + grid->kernel->name + ", block " + text(f.thread.block) + ", thread " + text(f.thread.thread);
}

// ---- switching between the scheduler and a fiber
void body();
#if defined(__x86_64__)
void* schedulerSp;
extern "C" void standin_switch(void** save, void* to);
asm(R"(
.text
.globl standin_switch
.hidden standin_switch
.type standin_switch, @function
standin_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size standin_switch, .-standin_switch
)");
void prepare(Fiber& f) {
  void** top = (void**)(f.stack + kStack - 64);
  *--top = nullptr;         // keeps the stack aligned as at a call
  *--top = (void*)&body;    // where the first switch returns to
  for (int i = 0; i < 6; i++) *--top = nullptr;
  f.sp = top;
}
void enter(Fiber& f) { standin_switch(&schedulerSp, f.sp); }
void leave() { standin_switch(&running->sp, schedulerSp); }
#else
ucontext_t schedulerContext;
void prepare(Fiber& f) {
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack;
  f.context.uc_stack.ss_size = kStack;
  f.context.uc_link = nullptr;
  makecontext(&f.context, body, 0);
}
void enter(Fiber& f) { swapcontext(&schedulerContext, &f.context); }
void leave() { swapcontext(&running->context, &schedulerContext); }
#endif

void body() {
  grid->kernel->call(grid->parameters);
  running->state = State::Done;
  leave();
  __builtin_unreachable();
}

void barrier(int line) {
  running->state = State::Barrier;
  running->line = line;
  leave();
}

// Lets a group of lanes go if all of it that still lives has come; lanes that have ended give nothing.
bool meet(const Fiber& one) {
  size_t first = size_t(&one - fibers.data()) / 32 * 32;
  unsigned mask = one.mask, bytes = one.bytes, live = 0;
  for (size_t lane = 0; lane < 32 && first + lane < fibers.size(); lane++) {
    const Fiber& f = fibers[first + lane];
    if (!(mask >> lane & 1) || f.state == State::Done) continue;
    if (f.state != State::Exchange || f.mask != mask || f.bytes != bytes) return false;
    live |= 1u << lane;
  }
  for (int to = 0; to < 32; to++)
    if (live >> to & 1)
      for (int from = 0; from < 32; from++) {
        char* out = fibers[first + to].all + from * bytes;
        if (live >> from & 1) memcpy(out, fibers[first + from].mine, bytes);
        else memset(out, 0xff, bytes);
      }
  for (int lane = 0; lane < 32; lane++)
    if (live >> lane & 1) fibers[first + lane].state = State::Ready;
  return true;
}

void exchange(unsigned mask, const void* mine, unsigned bytes, void* all, int line) {
  Fiber& me = *running;
  if (!(mask >> me.thread.lane & 1)) {
    report(where(me) + ": line " + std::to_string(line) + ": the mask does not name the calling lane");
    fault = Fault::Launch;
    me.state = State::Faulted;
    leave();
  }
  me.state = State::Exchange;
  me.line = line;
  me.mask = mask;
  me.mine = mine;
  me.bytes = bytes;
  me.all = (char*)all;
  if (!meet(me)) leave();
}

// What is being copied is undefined at both ends until the wait, so it is NaN here and read as late as can be.
void copyLater(void* to, const void* from, unsigned bytes) {
  if (((uintptr_t)to | (uintptr_t)from) % bytes != 0) {
    report(where(*running) + ": asynchronous copy of " + std::to_string(bytes) + " bytes with a misaligned address");
    fault = Fault::Launch;
    running->state = State::Faulted;
    leave();
  }
  (void)*(const volatile char*)from;  // an address that is none faults here
  memset(to, 0xff, bytes);
  running->copies.push_back({to, from, bytes});
}
void commitCopies() {
  running->groups.push_back(std::move(running->copies));
  running->copies.clear();
}
void awaitCopies(unsigned groupsLeft) {
  for (auto& groups = running->groups; groups.size() > groupsLeft; groups.erase(groups.begin()))
    for (const Copy& c : groups.front()) memcpy(c.to, c.from, c.bytes);
}

// ---- faults of the kernel's own accesses
struct sigaction oldSegv, oldBus, oldFpe;
pid_t runner;

void onSignal(int number, siginfo_t* info, void* context) {
  if (running == nullptr || gettid() != runner) {  // the JVM's own, for its checks and safepoints
    const struct sigaction& old = number == SIGSEGV ? oldSegv : number == SIGBUS ? oldBus : oldFpe;
    if (old.sa_flags & SA_SIGINFO) old.sa_sigaction(number, info, context);
    else if (old.sa_handler == SIG_DFL) signal(number, SIG_DFL);
    else if (old.sa_handler != SIG_IGN) old.sa_handler(number);
    return;
  }
  uintptr_t address = (uintptr_t)info->si_addr;
  char hex[32];
  snprintf(hex, sizeof hex, "0x%zx", (size_t)address);
  std::string access = "access";
#if defined(__x86_64__)
  access = ((ucontext_t*)context)->uc_mcontext.gregs[REG_ERR] & 2 ? "write" : "read";
#endif
  std::string place = describe(address);
  report(where(*running) + ": " + (number == SIGFPE ? "integer division by zero" : access + " of " + hex + ", " + (place.empty() ? "which is no device memory" : place)));
  fault = number == SIGFPE ? Fault::Launch : Fault::Address;
  running->state = State::Faulted;
  leave();
}

struct Handlers {
  stack_t old;
  void* alternate;
  Handlers() {
    alternate = malloc(64 * 1024);
    stack_t mine{};
    mine.ss_sp = alternate;
    mine.ss_size = 64 * 1024;
    sigaltstack(&mine, &old);
    runner = gettid();
    struct sigaction action{};
    action.sa_sigaction = onSignal;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &oldSegv);
    sigaction(SIGBUS, &action, &oldBus);
    sigaction(SIGFPE, &action, &oldFpe);
  }
  ~Handlers() {
    sigaction(SIGSEGV, &oldSegv, nullptr);
    sigaction(SIGBUS, &oldBus, nullptr);
    sigaction(SIGFPE, &oldFpe, nullptr);
    sigaltstack(&old, nullptr);
    free(alternate);
  }
};

// All threads that are left stand still: a barrier they all reached lets them go, anything else is an error of the kernel.
bool unblock() {
  bool released = false;
  for (const Fiber& f : fibers)
    if (f.state == State::Exchange) released |= meet(f);
  if (released) return true;
  size_t ended = 0, atBarrier = 0;
  std::set<int> lines;
  const Fiber* lonely = nullptr;
  for (const Fiber& f : fibers) {
    ended += f.state == State::Done;
    if (f.state == State::Barrier) atBarrier++, lines.insert(f.line);
    if (f.state == State::Exchange) lonely = &f;
  }
  std::string head = std::string("kernel ") + grid->kernel->name + ", block " + text(fibers[0].thread.block) + ": ";
  if (lonely) {
    report(head + "divergent warp function: thread " + text(lonely->thread.thread) + " waits at line " +
           std::to_string(lonely->line) + " for lanes that do not come");
  } else if (ended > 0 || lines.size() > 1) {
    std::string all;
    for (int line : lines) all += (all.empty() ? "" : ", ") + std::to_string(line);
    report(head + "divergent barrier: " + std::to_string(atBarrier) + " of " + std::to_string(fibers.size()) +
           " threads wait at line " + all + (ended > 0 ? ", " + std::to_string(ended) + " have ended" : ""));
  } else {
    for (Fiber& f : fibers) f.state = State::Ready;
    return true;
  }
  fault = Fault::Launch;
  return false;
}

void runBlock(const uint3& block, uint64_t seed) {
  size_t count = (size_t)grid->block.x * grid->block.y * grid->block.z;
  while (stacks.size() < count) {
    char* memory = (char*)mmap(nullptr, kStack + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mprotect(memory, kPage, PROT_NONE);
    stacks.push_back(memory + kPage);
  }
  fibers.assign(count, Fiber{});
  for (size_t i = 0; i < count; i++) {
    Fiber& f = fibers[i];
    unsigned x = i % grid->block.x, y = i / grid->block.x % grid->block.y, z = i / grid->block.x / grid->block.y;
    f.thread = {{x, y, z}, block, grid->block, grid->grid, (unsigned)(i % 32)};
    f.stack = stacks[i];
    prepare(f);
  }
  memset(grid->sharedBegin, 0xff, grid->sharedEnd - grid->sharedBegin);
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = count; i > 1; i--) std::swap(order[i - 1], order[mix(seed + i) % i]);
  for (size_t done = 0; done < count && fault == Fault::None;) {
    bool progress = false;
    done = 0;
    for (size_t i : order) {
      Fiber& f = fibers[i];
      if (f.state == State::Ready) {
        progress = true;
        running = &f;
        machine.current = &f.thread;
        enter(f);
        running = nullptr;
        if (fault != Fault::None) return;
      }
      done += f.state == State::Done;
    }
    if (!progress && done < count && !unblock()) return;
  }
}
}  // namespace

uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

void* guarded(size_t bytes, size_t* mapped) {
  size_t inner = (bytes + kPage - 1) / kPage * kPage;
  *mapped = inner + 2 * kPage;
  char* base = (char*)mmap(nullptr, *mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  mprotect(base + kPage, inner, PROT_READ | PROT_WRITE);
  memset(base + kPage, 0xff, inner);
  return base + kPage + (inner - (bytes + 255) / 256 * 256);  // as near to the end as an alignment of 256 allows
}

void release(void* memory, size_t mapped) { munmap((char*)((uintptr_t)memory / kPage * kPage) - kPage, mapped); }

Fault run(const Grid& g, uint64_t seed) {
  Handlers handlers;
  grid = &g;
  fault = Fault::None;
  machine.barrier = barrier;
  machine.exchange = exchange;
  machine.copyLater = copyLater;
  machine.commitCopies = commitCopies;
  machine.awaitCopies = awaitCopies;
  *g.machineOfProgram = &machine;
  size_t mapped = 0;
  void* dynamic = g.sharedBytes ? guarded(g.sharedBytes, &mapped) : nullptr;
  machine.dynamicShared = dynamic;
  size_t blocks = (size_t)g.grid.x * g.grid.y * g.grid.z;
  size_t start = blocks > 1 ? mix(seed) % blocks : 0;
  bool backwards = mix(seed + 1) & 1;
  for (size_t i = 0; i < blocks && fault == Fault::None; i++) {
    size_t b = (start + (backwards ? blocks - i : i)) % blocks;
    if (dynamic) memset(dynamic, 0xff, g.sharedBytes);
    runBlock({(unsigned)(b % g.grid.x), (unsigned)(b / g.grid.x % g.grid.y), (unsigned)(b / g.grid.x / g.grid.y)}, mix(seed ^ b));
  }
  running = nullptr;
  if (dynamic) release(dynamic, mapped);
  return fault;
}
}  // namespace standin
