// captureDatapathTexts(rundir, target, timeoutMs, table, command, args, onProgress) is a job that asks a switch for a text of each of its
// datapaths and reads it with the reader of the table's texts (native/text/readers.cc), which saved files go through too.
#include <memory>

#include "bind/bind.h"
#include "bind/job.h"
#include "bind/snapshot.h"
#include "bind/unixctl.h"
#include "ovs/datapath_texts.h"
#include "text/table_reader.h"

namespace cti::bind {
namespace {

class TextsTask : public Task, private ovs::TextReceiver {
 public:
  std::string rundir, target, table, command;
  std::vector<std::string> args;
  std::chrono::milliseconds limit{0};

  Result<void> run(JobContext& context) override {
    context_ = &context;
    const ovs::Patience patience(limit, &context.cancel);
    auto reader = text::create_table_reader(table);
    if (!reader) return std::move(reader.error());
    reader_ = *std::move(reader);
    auto facts = ovs::capture_datapath_texts(rundir, target, command, args, patience, *this);
    if (!facts) return std::move(facts.error());
    facts_ = *std::move(facts);
    auto snapshot = reader_->finish();
    if (!snapshot) return std::move(snapshot.error());
    snapshot_ = *std::move(snapshot);
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    Napi::Array not_supported = Napi::Array::New(env, facts_.not_supported.size());
    for (uint32_t i = 0; i < facts_.not_supported.size(); i++) {
      Napi::Object one = Napi::Object::New(env);
      one.Set("datapath", facts_.not_supported[i].datapath);
      one.Set("words", facts_.not_supported[i].words);
      not_supported.Set(i, one);
    }
    Napi::Object object = asked_to_js(env, std::move(snapshot_), facts_.socket_path, facts_.begin_ns, facts_.end_ns, facts_.requests);
    object.Set("notSupported", not_supported);
    return object;
  }

 private:
  Result<void> begin_datapath(const std::string& name) override { return reader_->begin_file(name, ""); }
  Result<void> feed(Bytes text) override {
    auto fed = reader_->feed(text);
    context_->progress(reader_->n_bytes(), reader_->n_rows());
    return fed;
  }

  JobContext* context_ = nullptr;
  std::unique_ptr<text::TableReader> reader_;
  ovs::TextFacts facts_;
  tables::Snapshot snapshot_{};
};

Napi::Value capture_datapath_texts(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<TextsTask>();
  task->rundir = info[0].As<Napi::String>().Utf8Value();
  task->target = info[1].As<Napi::String>().Utf8Value();
  task->limit = std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value());
  task->table = info[3].As<Napi::String>().Utf8Value();
  task->command = info[4].As<Napi::String>().Utf8Value();
  const Napi::Array args = info[5].As<Napi::Array>();
  for (uint32_t i = 0; i < args.Length(); i++) task->args.push_back(args.Get(i).As<Napi::String>().Utf8Value());
  return start_job(info.Env(), std::move(task), info[6]);
}

}  // namespace

void init_datapath_texts(Napi::Env env, Napi::Object exports) { export_function<capture_datapath_texts>(env, exports, "captureDatapathTexts"); }

}  // namespace cti::bind
