// Small tables from their two sources. captureSmallTable(rundir, target, timeoutMs, table) asks a switch; attachReadTable(handle, table) reads the
// memory of one that is attached to (attach.cc). Both are jobs.
#include "bind/attachment.h"
#include "bind/job.h"
#include "bind/snapshot.h"
#include "bind/unixctl.h"
#include "ovs/small_tables.h"
#include "sys/affinity.h"
#include "sys/clock.h"
#include "sys/thread_cost.h"

namespace cti::bind {
namespace {

// What both tasks read: the snapshot, when it was taken, and what it cost.
class TableTask : public Task {
 public:
  const ovs::SmallTable* table = nullptr;

 protected:
  template <typename Read>
  Result<void> timed(Read read) {
    const sys::ThreadCost before = sys::thread_cost();
    begin_ns_ = sys::clock_ns(CLOCK_REALTIME);
    auto snapshot = read();
    end_ns_ = sys::clock_ns(CLOCK_REALTIME);
    used_ = sys::thread_cost() - before;
    if (!snapshot) return std::move(snapshot.error());
    snapshot_ = *std::move(snapshot);
    return {};
  }

  tables::Snapshot snapshot_{};
  uint64_t begin_ns_ = 0, end_ns_ = 0;
  sys::ThreadCost used_;
};

class AskTask : public TableTask {
 public:
  std::string rundir, target;
  std::chrono::milliseconds limit{0};

  Result<void> run(JobContext& context) override {
    const ovs::Patience patience(limit, &context.cancel);
    auto client = ovs::Unixctl::connect(rundir, target, patience);
    if (!client) return std::move(client.error());
    ovs::RequestCost cost;
    auto version = client->check_is_switch(patience, &cost);
    if (!version) return std::move(version.error());
    costs_.push_back(std::move(cost));
    socket_path_ = client->address().socket_path;
    ovs::Questions questions(*client, patience, costs_);
    return timed([&] { return table->ask(questions); });
  }

  Napi::Value result(Napi::Env env) override {
    return asked_to_js(env, std::move(snapshot_), socket_path_, begin_ns_, end_ns_, costs_);
  }

 private:
  std::string socket_path_;
  std::vector<ovs::RequestCost> costs_;
};

class ReadTask : public TableTask {
 public:
  std::shared_ptr<Attachment> attachment;
  Manners manners;

  Result<void> run(JobContext&) override {
    const KeepOut keep_out(manners, attachment->target.pid);
    ovs::ProcessMemory memory(attachment->target.pid);
    auto read = timed([&] { return table->read(memory, attachment->layout, *attachment->dp_netdevs); });
    // What was read of a process that is no longer there may be another's: nothing of it is used.
    if (!attachment->target.still_the_same()) return ended(*attachment);
    bytes_ = memory.cost().bytes;
    return read;
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Object object = Napi::Object::New(env);
    object.Set("snapshot", snapshot_to_js(env, std::move(snapshot_)));
    object.Set("beginNs", Napi::BigInt::New(env, begin_ns_));
    object.Set("endNs", Napi::BigInt::New(env, end_ns_));
    set_thread_cost(object, used_);
    object.Set("bytes", static_cast<double>(bytes_));
    return object;
  }

 private:
  uint64_t bytes_ = 0;
};

const ovs::SmallTable* table_of(Napi::Env env, Napi::Value name) {
  return unwrap(env, ovs::find_small_table(name.As<Napi::String>().Utf8Value()));
}

Napi::Value capture_small_table(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<AskTask>();
  task->rundir = info[0].As<Napi::String>().Utf8Value();
  task->target = info[1].As<Napi::String>().Utf8Value();
  task->limit = std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value());
  task->table = table_of(info.Env(), info[3]);
  return start_job(info.Env(), std::move(task), info.Env().Undefined());
}

Napi::Value attach_read_table(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<ReadTask>();
  task->attachment = attachment_of(info);
  root_of(info.Env(), *task->attachment);
  task->manners = task->attachment->manners;
  task->table = table_of(info.Env(), info[1]);
  return start_job(info.Env(), std::move(task), info.Env().Undefined());
}

}  // namespace

void init_small_tables(Napi::Env env, Napi::Object exports) {
  export_function<capture_small_table>(env, exports, "captureSmallTable");
  export_function<attach_read_table>(env, exports, "attachReadTable");
}

}  // namespace cti::bind
