// unixctl(rundir, target, command, args, maxText, timeoutMs) and findSwitch(rundir, target, timeoutMs): jobs that ask a daemon.
#include "bind/unixctl.h"

#include "bind/bind.h"
#include "bind/job.h"
#include "bind/snapshot.h"
#include "ovs/unixctl.h"

namespace cti::bind {
namespace {

Napi::Value ms(Napi::Env env, uint64_t ns) { return Napi::Number::New(env, static_cast<double>(ns) / 1e6); }

// A task that talks to one daemon.
class DaemonTask : public Task {
 public:
  std::string rundir, target;
  std::chrono::milliseconds limit{0};

  Result<void> run(JobContext& context) override {
    const ovs::Patience patience(limit, &context.cancel);
    auto client = ovs::Unixctl::connect(rundir, target, patience);
    if (!client) return std::move(client.error());
    return talk(*client, patience);
  }

 private:
  virtual Result<void> talk(ovs::Unixctl& client, const ovs::Patience& patience) = 0;
};

class AskTask : public DaemonTask {
 public:
  std::string command;
  std::vector<std::string> args;
  uint64_t max_text = 0;

  Napi::Value result(Napi::Env env) override {
    Napi::Object object = Napi::Object::New(env);
    object.Set("text", text_);
    object.Set("cost", cost_to_js(env, cost_));
    return object;
  }

 private:
  Result<void> talk(ovs::Unixctl& client, const ovs::Patience& patience) override {
    auto text = client.ask(command, args, max_text, patience, &cost_);
    if (!text) return std::move(text.error());
    text_ = *std::move(text);
    return {};
  }

  std::string text_;
  ovs::RequestCost cost_;
};

class FindTask : public DaemonTask {
 public:
  Napi::Value result(Napi::Env env) override {
    Napi::Object object = Napi::Object::New(env);
    object.Set("socketPath", socket_path_);
    object.Set("pid", pid_ > 0 ? Napi::Number::New(env, pid_) : env.Null());
    object.Set("version", version_);
    return object;
  }

 private:
  Result<void> talk(ovs::Unixctl& client, const ovs::Patience& patience) override {
    auto version = client.check_is_switch(patience);
    if (!version) return std::move(version.error());
    version_ = *std::move(version);
    socket_path_ = client.address().socket_path;
    pid_ = client.pid();
    return {};
  }

  std::string socket_path_, version_;
  pid_t pid_ = 0;
};

std::string text_arg(const Napi::CallbackInfo& info, size_t i) { return info[i].As<Napi::String>().Utf8Value(); }
double number_arg(const Napi::CallbackInfo& info, size_t i) { return info[i].As<Napi::Number>().DoubleValue(); }

// The arguments' types are checked in lib/sources/unixctl.ts, the only caller; As<> throws a TypeError otherwise.
Napi::Value unixctl(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<AskTask>();
  task->rundir = text_arg(info, 0);
  task->target = text_arg(info, 1);
  task->command = text_arg(info, 2);
  const Napi::Array args = info[3].As<Napi::Array>();
  for (uint32_t i = 0; i < args.Length(); i++) task->args.push_back(args.Get(i).As<Napi::String>().Utf8Value());
  task->max_text = static_cast<uint64_t>(number_arg(info, 4));
  task->limit = std::chrono::milliseconds(static_cast<int64_t>(number_arg(info, 5)));
  return start_job(info.Env(), std::move(task), info.Env().Undefined());
}

Napi::Value find_switch(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<FindTask>();
  task->rundir = text_arg(info, 0);
  task->target = text_arg(info, 1);
  task->limit = std::chrono::milliseconds(static_cast<int64_t>(number_arg(info, 2)));
  return start_job(info.Env(), std::move(task), info.Env().Undefined());
}

}  // namespace

Napi::Object cost_to_js(Napi::Env env, const ovs::RequestCost& cost) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("command", cost.command);
  object.Set("firstByteMs", ms(env, cost.first_byte_ns));
  object.Set("lastByteMs", ms(env, cost.last_byte_ns));
  object.Set("replyBytes", static_cast<double>(cost.reply_bytes));
  object.Set("cpuMs", cost.cpu_ns ? ms(env, *cost.cpu_ns) : env.Null());
  object.Set("rssGrowthBytes", cost.rss_growth ? Napi::Number::New(env, static_cast<double>(*cost.rss_growth)) : env.Null());
  return object;
}

Napi::Object asked_to_js(Napi::Env env, tables::Snapshot snapshot, const std::string& socket_path, uint64_t begin_ns, uint64_t end_ns,
                         const std::vector<ovs::RequestCost>& requests) {
  Napi::Array costs = Napi::Array::New(env, requests.size());
  for (uint32_t i = 0; i < requests.size(); i++) costs.Set(i, cost_to_js(env, requests[i]));
  Napi::Object object = Napi::Object::New(env);
  object.Set("snapshot", snapshot_to_js(env, std::move(snapshot)));
  object.Set("socketPath", socket_path);
  object.Set("beginNs", Napi::BigInt::New(env, begin_ns));
  object.Set("endNs", Napi::BigInt::New(env, end_ns));
  object.Set("requests", costs);
  return object;
}

void init_unixctl(Napi::Env env, Napi::Object exports) {
  export_function<unixctl>(env, exports, "unixctl");
  export_function<find_switch>(env, exports, "findSwitch");
}

}  // namespace cti::bind
