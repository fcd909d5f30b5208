// Streams, events, capture and graphs. Work is queued and runs when something waits for it, as late and in as unhelpful an order as the
// rules of CUDA allow, so that a missing wait shows in the numbers.
#include "entry.h"

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace standin;

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
uint64_t standin::draw(uint64_t n) { return mix(device.seed * 1000003 + device.draws++) % n; }

// Runs one piece of work that brings `s` forward, its own or what it waits for.
static void advance(CUstream s) {
  while (blocked(s->queue.front())) {
    CUstream source = nullptr;
    for (CUstream other : device.streams)
      for (const Work& w : other->queue)
        if (w.kind == Work::Record && w.event == s->queue.front().event && w.ticket <= s->queue.front().ticket) source = other;
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
void standin::finish(CUstream s) {
  runUntil(s, [s] { return s->queue.empty(); });
}
static void bury() {  // destroyed streams that have nothing left to do
  std::vector<CUstream> left;
  for (CUstream s : device.streams)
    if (s->destroyed && s->queue.empty()) delete s;
    else left.push_back(s);
  device.streams = left;
}
void standin::finishAll() {
  std::vector<CUstream> all = device.streams;
  for (size_t i = all.size(); i > 1; i--) std::swap(all[i - 1], all[draw(i)]);
  for (CUstream s : all) finish(s);
  bury();
}
bool standin::invalidateCaptures() {
  bool any = false;
  for (CUstream s : device.streams)
    if (s->capture) s->capture->invalid = any = true;
  return any;
}
CUstream standin::own(CUstream s) {
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

// ---- streams and events
API CUresult cuStreamCreate(CUstream* s, unsigned) { ENTER_CONTEXT; *s = new CUstream_st(); device.streams.push_back(*s); return (CUresult)0; }
API CUresult cuStreamDestroy_v2(CUstream s) {
  ENTER;
  auto it = std::find(device.streams.begin(), device.streams.end(), s);
  if (it == device.streams.end()) return (CUresult)kInvalidHandle;
  s->destroyed = true;  // and no more: the call does not wait
  bury();
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
  device.events.erase(it);
  device.destroyedEvents.push_back(e);  // the call does not wait, and streams that wait for it go on waiting
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
