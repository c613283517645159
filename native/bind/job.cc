#include "bind/job.h"

#include <new>
#include <system_error>
#include <thread>

#include "bind/bind.h"

namespace cti::bind {

constexpr std::chrono::milliseconds kReportEvery{100};

// Lives until its promise is settled or the environment ends, whichever comes first.
class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(Napi::Env env, std::unique_ptr<Task> task)
      : env_(env), task_(std::move(task)), deferred_(Napi::Promise::Deferred::New(env)) {}

  void start(Napi::Value on_progress) {
    const bool reports = on_progress.IsFunction();
    Napi::Function callback = reports ? on_progress.As<Napi::Function>() : Napi::Function::New(env_, [](const Napi::CallbackInfo&) {});
    function_ = Napi::ThreadSafeFunction::New(env_, callback, "ctinspector job", 0, 1);
    // Registered after the function's own hook, so it runs before that one: the thread never calls a function that is gone.
    napi_add_env_cleanup_hook(env_, end_early, this);
    self_ = shared_from_this();
    if (reports) {
      context_.report_ = [this](uint64_t bytes, uint64_t rows) {
        function_.NonBlockingCall([bytes, rows](Napi::Env env, Napi::Function callback) {
          callback.Call({Napi::Number::New(env, static_cast<double>(bytes)), Napi::Number::New(env, static_cast<double>(rows))});
        });
      };
    }
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error& error) {
      napi_remove_env_cleanup_hook(env_, end_early, this);
      self_.reset();
      function_.Release();
      throw to_js(env_, errorf(ErrorCode::OUT_OF_MEMORY, "cannot start a thread: %s", error.what()));
    }
  }

  void cancel() { context_.cancel.store(true, std::memory_order_relaxed); }
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void work() {
    try {
      result_ = task_->run(context_);
    } catch (const std::bad_alloc&) {
      result_ = Error{ErrorCode::OUT_OF_MEMORY, "out of memory"};
    } catch (const std::exception& error) {
      result_ = Error{ErrorCode::INTERNAL, error.what()};
    }
    function_.BlockingCall([this](Napi::Env env, Napi::Function) { settle(env); });
    function_.Release();
  }

  // On the JavaScript thread, once.
  void settle(Napi::Env env) {
    thread_.join();
    napi_remove_env_cleanup_hook(env_, end_early, this);
    const std::shared_ptr<Job> keep = std::move(self_);
    // What the task holds goes now: JavaScript may keep `cancel`, and with it the job, for long.
    const std::unique_ptr<Task> task = std::move(task_);
    if (!result_) {
      deferred_.Reject(to_js(env, result_.error()).Value());
      return;
    }
    try {
      deferred_.Resolve(guarded(env, [&] { return task->result(env); }));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

  static void end_early(void* data) {
    Job* job = static_cast<Job*>(data);
    job->cancel();
    job->thread_.join();
    job->self_.reset();
  }

  Napi::Env env_;
  std::unique_ptr<Task> task_;
  Napi::Promise::Deferred deferred_;
  JobContext context_;
  Napi::ThreadSafeFunction function_;
  Result<void> result_;
  std::shared_ptr<Job> self_;
  std::thread thread_;
};

void JobContext::progress(uint64_t bytes, uint64_t rows) {
  const auto now = std::chrono::steady_clock::now();
  if (!report_ || now < next_report_) return;
  next_report_ = now + kReportEvery;
  report_(bytes, rows);
}

Napi::Object start_job(Napi::Env env, std::unique_ptr<Task> task, Napi::Value on_progress) {
  auto job = std::make_shared<Job>(env, std::move(task));
  job->start(on_progress);
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", job->promise());
  handle.Set("cancel", Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->cancel(); }));
  return handle;
}

}  // namespace cti::bind
