// A switch attached to by its memory. attachOpen(pid) -> {handle, pid, startTicks, buildId, executable}; attachLayout(handle, names, numbers)
// finds the datapaths; attachDatapaths(handle) describes them; attachAlive(handle); attachCapture(handle, onProgress) is a job, and so is
// attachRefresh(handle, snapshot, places), which reads the counters of a capture's rows again: 'places' is what came with them. attachPageTables(handle)
// says how.
//
// JavaScript gets no address and cannot name one: it names a process, a layout and a table.
#include <initializer_list>
#include <utility>

#include "bind/attachment.h"
#include "bind/job.h"
#include "bind/snapshot.h"
#include "ovs/attach_target.h"
#include "ovs/dp_flows_memory.h"
#include "ovs/dp_flows_refresh.h"
#include "sys/affinity.h"

namespace cti::bind {
namespace {

constexpr napi_type_tag kTag = {0x6374695f61747461, 0x63685f7630303031};

}  // namespace

std::shared_ptr<Attachment> attachment_of(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsExternal() || !info[0].As<Napi::External<std::shared_ptr<Attachment>>>().CheckTypeTag(&kTag))
    throw Napi::TypeError::New(info.Env(), "expected an attachment's handle");
  return *info[0].As<Napi::External<std::shared_ptr<Attachment>>>().Data();
}

Error ended(const Attachment& attachment) {
  return errorf(ErrorCode::SWITCH_CLOSED, "process %d (ovs-vswitchd) ended or was replaced while its memory was being read; nothing of that reading is used",
                static_cast<int>(attachment.target.pid));
}

void set_thread_cost(Napi::Object object, const sys::ThreadCost& cost) {
  const Napi::Env env = object.Env();
  object.Set("cpuMs", static_cast<double>(cost.cpu_ns) / 1e6);
  object.Set("waitedMs", cost.waited_ns ? Napi::Number::New(env, static_cast<double>(*cost.waited_ns) / 1e6) : env.Null());
}

ovs::OvsAddr root_of(Napi::Env env, const Attachment& attachment) {
  if (!attachment.dp_netdevs) throw to_js(env, errorf(ErrorCode::INVALID_ARGUMENT, "the attachment has no layout yet"));
  return *attachment.dp_netdevs;
}

namespace {

Napi::Value open(const Napi::CallbackInfo& info) {
  auto attachment = std::make_shared<Attachment>();
  attachment->target = unwrap(info.Env(), ovs::Target::open(static_cast<pid_t>(info[0].As<Napi::Number>().Int32Value())));
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("pid", attachment->target.pid);
  object.Set("startTicks", static_cast<double>(attachment->target.start_ticks));
  object.Set("buildId", attachment->target.build_id);
  object.Set("executable", attachment->target.executable);
  auto external = Napi::External<std::shared_ptr<Attachment>>::New(info.Env(), new std::shared_ptr<Attachment>(std::move(attachment)),
                                                                  [](Napi::Env, std::shared_ptr<Attachment>* data) { delete data; });
  external.TypeTag(&kTag);
  object.Set("handle", external);
  return object;
}

// names[i] with numbers[2 i] (offset or value) and numbers[2 i + 1] (size).
Napi::Value set_layout(const Napi::CallbackInfo& info) {
  auto attachment = attachment_of(info);
  const Napi::Array names = info[1].As<Napi::Array>(), numbers = info[2].As<Napi::Array>();
  std::vector<ovs::LayoutEntry> entries;
  for (uint32_t i = 0; i < names.Length(); i++) {
    entries.push_back({names.Get(i).As<Napi::String>().Utf8Value(), static_cast<uint64_t>(numbers.Get(2 * i).As<Napi::Number>().Int64Value()),
                       static_cast<uint64_t>(numbers.Get(2 * i + 1).As<Napi::Number>().Int64Value())});
  }
  attachment->layout = unwrap(info.Env(), ovs::Layout::make(entries));
  ovs::ProcessMemory memory(attachment->target.pid);
  auto found = ovs::find_dp_netdevs(memory, attachment->layout, attachment->target.data);
  if (!attachment->target.still_the_same()) throw to_js(info.Env(), ended(*attachment));
  attachment->dp_netdevs = unwrap(info.Env(), std::move(found));
  return info.Env().Undefined();
}

// Where the rows of a capture lie. Never changed: a refresh makes new ones.
using Places = std::shared_ptr<const ovs::FlowPlaces>;
constexpr napi_type_tag kPlacesTag = {0x6374695f706c6163, 0x65735f7630303031};

Napi::Value places_to_js(Napi::Env env, ovs::FlowPlaces places) {
  auto external = Napi::External<Places>::New(env, new Places(std::make_shared<const ovs::FlowPlaces>(std::move(places))),
                                              [](Napi::Env, Places* data) { delete data; });
  external.TypeTag(&kPlacesTag);
  return external;
}

Napi::Array datapaths_to_js(Napi::Env env, const std::vector<ovs::DatapathRoot>& roots) {
  Napi::Array datapaths = Napi::Array::New(env, roots.size());
  for (uint32_t i = 0; i < roots.size(); i++) {
    Napi::Array pmds = Napi::Array::New(env, roots[i].pmds.size());
    for (uint32_t j = 0; j < roots[i].pmds.size(); j++) {
      const ovs::PmdRoot& root = roots[i].pmds[j];
      Napi::Object pmd = Napi::Object::New(env);
      pmd.Set("core", root.core_id == UINT32_MAX ? -1.0 : static_cast<double>(root.core_id));
      pmd.Set("numa", root.numa_id);
      pmd.Set("nFlows", root.n_flows);
      pmds.Set(j, pmd);
    }
    Napi::Object datapath = Napi::Object::New(env);
    datapath.Set("name", roots[i].full_name());
    datapath.Set("pmds", pmds);
    const auto& mask = roots[i].pmd_cpu_mask;
    datapath.Set("pmdCpuMask", mask ? Napi::String::New(env, *mask) : env.Null());
    datapath.Set("nPorts", static_cast<double>(roots[i].ports.size()));
    datapaths.Set(i, datapath);
  }
  return datapaths;
}

using Counts = std::initializer_list<std::pair<const char*, uint64_t>>;

// {snapshot, beginNs, endNs, datapaths, places, reading}; 'counts' are of 'reading', beside what it cost.
Napi::Object read_to_js(Napi::Env env, tables::Snapshot snapshot, ovs::FlowPlaces places, const ovs::ReadFacts& facts, Counts counts) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("snapshot", snapshot_to_js(env, std::move(snapshot)));
  object.Set("beginNs", Napi::BigInt::New(env, facts.begin_ns));
  object.Set("endNs", Napi::BigInt::New(env, facts.end_ns));
  object.Set("datapaths", datapaths_to_js(env, facts.datapaths));
  object.Set("places", places_to_js(env, std::move(places)));
  Napi::Object reading = Napi::Object::New(env);
  for (const auto& [name, value] : counts) reading.Set(name, static_cast<double>(value));
  reading.Set("calls", static_cast<double>(facts.cost.calls));
  reading.Set("ranges", static_cast<double>(facts.cost.ranges));
  reading.Set("bytes", static_cast<double>(facts.cost.bytes));
  set_thread_cost(reading, {facts.cpu_ns, facts.waited_ns});
  object.Set("reading", reading);
  return object;
}

uint64_t count_flows(const std::vector<ovs::DatapathRoot>& roots) {
  uint64_t n = 0;
  for (const ovs::DatapathRoot& datapath : roots)
    for (const ovs::PmdRoot& pmd : datapath.pmds) n += pmd.n_flows;
  return n;
}

Napi::Value datapaths(const Napi::CallbackInfo& info) {
  auto attachment = attachment_of(info);
  ovs::ProcessMemory memory(attachment->target.pid);
  auto roots = ovs::read_datapaths(memory, attachment->layout, root_of(info.Env(), *attachment));
  if (!attachment->target.still_the_same()) throw to_js(info.Env(), ended(*attachment));
  const auto datapaths = unwrap(info.Env(), std::move(roots));
  attachment->n_flows = count_flows(datapaths);
  return datapaths_to_js(info.Env(), datapaths);
}

Napi::Value alive(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), attachment_of(info)->target.still_the_same()); }

// (handle, cpus, whether fast): readings that begin from now on stay off these, or are fast.
Napi::Value set_manners(const Napi::CallbackInfo& info) {
  const Napi::Array cpus = info[1].As<Napi::Array>();
  std::vector<int> avoided;
  for (uint32_t i = 0; i < cpus.Length(); i++) avoided.push_back(cpus.Get(i).As<Napi::Number>().Int32Value());
  attachment_of(info)->manners = {std::move(avoided), info[2].ToBoolean()};
  return info.Env().Undefined();
}

// (handle, whether the switch prints recirc_id first): rows of captures that begin from now on print so.
Napi::Value set_order(const Napi::CallbackInfo& info) {
  attachment_of(info)->recirc_first = info[1].ToBoolean();
  return info.Env().Undefined();
}

// (handle) -> why counters are copied and not read by page tables, or null. (handle, false): they are to be copied.
Napi::Value page_tables(const Napi::CallbackInfo& info) {
  auto attachment = attachment_of(info);
  if (info.Length() > 1 && !info[1].ToBoolean()) attachment->page_tables.forbid();
  const std::string why_not = attachment->page_tables.why_not(attachment->target.pid);
  return why_not.empty() ? info.Env().Null() : Napi::String::New(info.Env(), why_not);
}

// So many that what a reader of page tables saves is more than making one takes.
constexpr uint64_t kManyFlows = 1 << 17;

class CaptureTask : public Task {
 public:
  std::shared_ptr<Attachment> attachment;
  Manners manners;
  bool recirc_first = false;
  uint64_t n_flows = 0;

  Result<void> run(JobContext& context) override {
    const KeepOut keep_out(manners, attachment->target.pid);
    cpus_ = sys::allowed_cpus();
    const PageTables::Use page_tables(attachment->page_tables, attachment->target.pid, !manners.fast && n_flows >= kManyFlows);
    ovs::ProcessMemory memory(attachment->target.pid, manners.fast ? nullptr : page_tables.reader());
    ovs::ProcessMemory copier(attachment->target.pid);
    auto snapshot = ovs::read_dp_flows(memory, attachment->layout, *attachment->dp_netdevs, &context.cancel, facts_, &places_,
                                       {.walk = {.copier = manners.fast ? &copier : nullptr}, .recirc_first = recirc_first});
    // What was read of a process that is no longer there may be another's: nothing of it is used.
    if (!attachment->target.still_the_same()) return ended(*attachment);
    if (!snapshot) return std::move(snapshot.error());
    snapshot_ = *std::move(snapshot);
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    attachment->n_flows = count_flows(facts_.datapaths);
    const ovs::WalkStats& walk = facts_.walk;
    Napi::Object object = read_to_js(env, std::move(snapshot_), std::move(places_), facts_,
                                     {{"nAccepted", walk.n_accepted},
                                      {"nFromRing", walk.n_from_ring},
                                      {"nReproved", walk.n_reproved},
                                      {"nGone", walk.n_gone},
                                      {"nRefused", walk.n_refused + facts_.n_bad_masks},
                                      {"nUnreadable", walk.n_unreadable},
                                      {"nBadActions", walk.n_bad_actions},
                                      {"nRetried", walk.n_retried},
                                      {"nPasses", walk.n_passes},
                                      {"nByPageTables", facts_.cost.paged},
                                      {"nThreads", walk.copier_cpu_ns > 0 ? 2 : 1}});
    Napi::Object reading = object.Get("reading").As<Napi::Object>();
    reading.Set("tableMoved", walk.table_moved);
    Napi::Array cpus = Napi::Array::New(env, cpus_.size());
    for (uint32_t i = 0; i < cpus_.size(); i++) cpus.Set(i, cpus_[i]);
    reading.Set("cpus", cpus);
    return object;
  }

 private:
  tables::Snapshot snapshot_;
  ovs::FlowPlaces places_;
  ovs::MemoryReadFacts facts_;
  std::vector<int> cpus_;  // where it could run
};

class RefreshTask : public Task {
 public:
  std::shared_ptr<Attachment> attachment;
  tables::Snapshot base;
  Places places;
  Manners manners;

  Result<void> run(JobContext& context) override {
    const KeepOut keep_out(manners, attachment->target.pid);
    const PageTables::Use page_tables(attachment->page_tables, attachment->target.pid, true);
    ovs::ProcessMemory memory(attachment->target.pid, page_tables.reader());
    new_places_ = *places;
    auto snapshot = ovs::refresh_dp_flows(memory, attachment->layout, *attachment->dp_netdevs, base, new_places_, &context.cancel, facts_);
    if (!attachment->target.still_the_same()) return ended(*attachment);
    if (!snapshot) return std::move(snapshot.error());
    snapshot_ = *std::move(snapshot);
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    return read_to_js(env, std::move(snapshot_), std::move(new_places_), facts_,
                      {{"nRefreshed", facts_.n_refreshed},
                       {"nGone", facts_.n_gone + facts_.n_unreadable},
                       {"nReplaced", facts_.n_replaced},
                       {"nByPageTables", facts_.cost.paged},
                       {"nInTables", facts_.n_in_tables}});
  }

 private:
  tables::Snapshot snapshot_;
  ovs::FlowPlaces new_places_;
  ovs::RefreshFacts facts_;
};

Napi::Value capture(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<CaptureTask>();
  task->attachment = attachment_of(info);
  root_of(info.Env(), *task->attachment);
  task->manners = task->attachment->manners;
  task->recirc_first = task->attachment->recirc_first;
  task->n_flows = task->attachment->n_flows;
  return start_job(info.Env(), std::move(task), info[1]);
}

Napi::Value refresh(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<RefreshTask>();
  task->attachment = attachment_of(info);
  task->manners = task->attachment->manners;
  root_of(info.Env(), *task->attachment);
  task->base = share_snapshot(info.Env(), info[1]);
  if (!info[2].IsExternal() || !info[2].As<Napi::External<Places>>().CheckTypeTag(&kPlacesTag))
    throw Napi::TypeError::New(info.Env(), "expected the places of a capture's rows");
  task->places = *info[2].As<Napi::External<Places>>().Data();
  return start_job(info.Env(), std::move(task), info.Env().Undefined());
}

}  // namespace

void init_attach(Napi::Env env, Napi::Object exports) {
  exports.Set("attachOpen", Napi::Function::New(env, open, "attachOpen"));
  exports.Set("attachLayout", Napi::Function::New(env, set_layout, "attachLayout"));
  exports.Set("attachDatapaths", Napi::Function::New(env, datapaths, "attachDatapaths"));
  exports.Set("attachSetOrder", Napi::Function::New(env, set_order, "attachSetOrder"));
  exports.Set("attachSetManners", Napi::Function::New(env, set_manners, "attachSetManners"));
  exports.Set("attachAlive", Napi::Function::New(env, alive, "attachAlive"));
  exports.Set("attachPageTables", Napi::Function::New(env, page_tables, "attachPageTables"));
  exports.Set("attachRefresh", Napi::Function::New(env, refresh, "attachRefresh"));
  exports.Set("attachCapture", Napi::Function::New(env, capture, "attachCapture"));
}

}  // namespace cti::bind
