// captureDpFlows(rundir, target, timeoutMs, onProgress) is a job that asks a switch for dp_flows. dumpReader(table),
// dumpReaderBegin(reader, datapath, file), dumpReaderFeed(reader, bytes), dumpReaderFinish(reader), dumpReaderClose(reader) parse the text of any
// table that has one (native/text/readers.cc), piece by piece on libuv's threads.
#include <atomic>
#include <memory>

#include "bind/bind.h"
#include "bind/job.h"
#include "bind/snapshot.h"
#include "bind/unixctl.h"
#include "ovs/dp_flows_capture.h"
#include "text/dp_flows_reader.h"
#include "text/table_reader.h"

namespace cti::bind {
namespace {

class CaptureTask : public Task, private ovs::DumpReceiver {
 public:
  std::string rundir, target;
  std::chrono::milliseconds limit{0};

  Result<void> run(JobContext& context) override {
    context_ = &context;
    const ovs::Patience patience(limit, &context.cancel);
    auto reader = text::DpFlowsReader::create();
    if (!reader) return std::move(reader.error());
    reader_ = *std::move(reader);
    auto facts = ovs::capture_dp_flows(rundir, target, patience, *this);
    if (!facts) return std::move(facts.error());
    facts_ = *std::move(facts);
    auto snapshot = reader_->finish();
    if (!snapshot) return std::move(snapshot.error());
    snapshot_ = *std::move(snapshot);
    return {};
  }

  Napi::Value result(Napi::Env env) override {
    return asked_to_js(env, std::move(snapshot_), facts_.socket_path, facts_.begin_ns, facts_.end_ns, facts_.requests);
  }

 private:
  Result<uint32_t> add_datapath(const std::string& name) override { return reader_->add_datapath(name); }
  Result<void> add_port(uint32_t datapath, uint32_t number, const std::string& name, const std::string& type) override {
    auto id = reader_->add_port(datapath, number, name, type);
    if (!id) return std::move(id.error());
    return {};
  }
  Result<void> begin_datapath(uint32_t datapath) override { return reader_->begin_datapath(datapath); }
  Result<void> feed(Bytes text) override {
    auto fed = reader_->feed(text);
    context_->progress(reader_->n_bytes(), reader_->n_rows());
    return fed;
  }

  JobContext* context_ = nullptr;
  std::unique_ptr<text::DpFlowsReader> reader_;
  ovs::CaptureFacts facts_;
  tables::Snapshot snapshot_{};
};

Napi::Value capture_dp_flows(const Napi::CallbackInfo& info) {
  auto task = std::make_unique<CaptureTask>();
  task->rundir = info[0].As<Napi::String>().Utf8Value();
  task->target = info[1].As<Napi::String>().Utf8Value();
  task->limit = std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value());
  return start_job(info.Env(), std::move(task), info[3]);
}

constexpr napi_type_tag kReaderTag = {0x6374695f64756d70, 0x7265616465725f31};

// Shared by the JavaScript handle and the piece of work in flight; at most one is.
struct SavedDump {
  std::unique_ptr<text::TableReader> reader;
  bool busy = false;
  bool closed = false;  // finished or given up: the reader and its memory go as soon as no work is in flight

  void settle() {
    if (closed && !busy) reader.reset();
  }
};
using Shared = std::shared_ptr<SavedDump>;

class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(Napi::Env env, Shared dump) : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), dump_(std::move(dump)) {
    dump_->busy = true;
  }
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  virtual Result<void> work() = 0;
  virtual Napi::Value value() = 0;

  void Execute() override {
    try {
      result_ = work();
    } catch (const std::bad_alloc&) {
      result_ = Error{ErrorCode::OUT_OF_MEMORY, "out of memory while reading a dump; read fewer flows at a time"};
    } catch (const std::exception& error) {
      // The base class would end the work without OnOK, and the promise would never be settled.
      result_ = Error{ErrorCode::INTERNAL, error.what()};
    }
  }
  void OnOK() override {
    dump_->busy = false;
    settle();
    dump_->settle();
  }

 private:
  void settle() {
    if (!result_) {
      deferred_.Reject(to_js(Env(), result_.error()).Value());
      return;
    }
    try {
      deferred_.Resolve(guarded(Env(), [this] { return value(); }));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Result<void> result_;

 protected:
  Shared dump_;
};

class FeedWorker : public ReadWorker {
 public:
  FeedWorker(Napi::Env env, Shared dump, Napi::Uint8Array chunk)
      : ReadWorker(env, std::move(dump)), kept_(Napi::Persistent(static_cast<Napi::Object>(chunk))), chunk_(chunk.Data(), chunk.ByteLength()) {}

 protected:
  Result<void> work() override { return dump_->reader->feed(chunk_); }
  Napi::Value value() override {
    Napi::Object progress = Napi::Object::New(Env());
    progress.Set("bytes", static_cast<double>(dump_->reader->n_bytes()));
    progress.Set("rows", static_cast<double>(dump_->reader->n_rows()));
    return progress;
  }

 private:
  Napi::ObjectReference kept_;  // the bytes stay where they are until the work is done
  Bytes chunk_;
};

class FinishWorker : public ReadWorker {
 public:
  FinishWorker(Napi::Env env, Shared dump) : ReadWorker(env, std::move(dump)) { dump_->closed = true; }

 protected:
  Result<void> work() override {
    auto snapshot = dump_->reader->finish();
    if (!snapshot) return std::move(snapshot.error());
    snapshot_ = *std::move(snapshot);
    return {};
  }
  Napi::Value value() override { return snapshot_to_js(Env(), std::move(snapshot_)); }

 private:
  tables::Snapshot snapshot_{};
};

Shared any_reader_of(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsExternal() || !info[0].As<Napi::External<Shared>>().CheckTypeTag(&kReaderTag)) {
    throw Napi::TypeError::New(info.Env(), "expected a dump reader");
  }
  return *info[0].As<Napi::External<Shared>>().Data();
}

Shared reader_of(const Napi::CallbackInfo& info) {
  Shared dump = any_reader_of(info);
  if (dump->busy || dump->closed) throw to_js(info.Env(), errorf(ErrorCode::INTERNAL, "the dump reader is in use or has finished"));
  return dump;
}

Napi::Value dump_reader(const Napi::CallbackInfo& info) {
  auto dump = std::make_shared<SavedDump>();
  dump->reader = unwrap(info.Env(), text::create_table_reader(info[0].As<Napi::String>().Utf8Value()));
  auto external = Napi::External<Shared>::New(info.Env(), new Shared(std::move(dump)), [](Napi::Env, Shared* dump) { delete dump; });
  external.TypeTag(&kReaderTag);
  return external;
}

Napi::Value dump_reader_begin(const Napi::CallbackInfo& info) {
  const Shared dump = reader_of(info);
  unwrap(info.Env(), dump->reader->begin_file(info[1].As<Napi::String>().Utf8Value(), info[2].As<Napi::String>().Utf8Value()));
  return info.Env().Undefined();
}

// Queued workers delete themselves.
Napi::Value queue(ReadWorker* worker) {
  Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

Napi::Value dump_reader_feed(const Napi::CallbackInfo& info) {
  Shared dump = reader_of(info);
  return queue(new FeedWorker(info.Env(), std::move(dump), info[1].As<Napi::Uint8Array>()));
}

Napi::Value dump_reader_finish(const Napi::CallbackInfo& info) { return queue(new FinishWorker(info.Env(), reader_of(info))); }

Napi::Value dump_reader_close(const Napi::CallbackInfo& info) {
  Shared dump = any_reader_of(info);
  dump->closed = true;
  dump->settle();
  return info.Env().Undefined();
}

}  // namespace

void init_dp_flows(Napi::Env env, Napi::Object exports) {
  export_function<capture_dp_flows>(env, exports, "captureDpFlows");
  export_function<dump_reader>(env, exports, "dumpReader");
  export_function<dump_reader_begin>(env, exports, "dumpReaderBegin");
  export_function<dump_reader_feed>(env, exports, "dumpReaderFeed");
  export_function<dump_reader_close>(env, exports, "dumpReaderClose");
  export_function<dump_reader_finish>(env, exports, "dumpReaderFinish");
}

}  // namespace cti::bind
