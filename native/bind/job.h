// Work that JavaScript waits for on a thread of its own: it may wait for a socket for minutes, and libuv's few threads are for
// short work (files, names) that must not queue behind it.
//
// Thread-safety: start_job and Task::result on the JavaScript thread; Task::run on the job's thread, with JobContext, which may be
// used there only, but for `cancel`, which any thread may set. When the environment ends first (process.exit, a worker stopped)
// the job is cancelled and joined.
#pragma once

#include <napi.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "base/error.h"

namespace cti::bind {

class JobContext {
 public:
  std::atomic<bool> cancel{false};

  // Tells JavaScript how far the job is; at most ten times a second reach it.
  void progress(uint64_t bytes, uint64_t rows);

 private:
  friend class Job;
  std::function<void(uint64_t, uint64_t)> report_;
  std::chrono::steady_clock::time_point next_report_{};
};

class Task {
 public:
  virtual ~Task() = default;
  virtual Result<void> run(JobContext& context) = 0;
  // The promise's value; called after a run that succeeded.
  virtual Napi::Value result(Napi::Env env) = 0;
};

// Starts 'task'. Returns {promise, cancel()}. 'on_progress' (bytes, rows) must not throw; may be undefined.
Napi::Object start_job(Napi::Env env, std::unique_ptr<Task> task, Napi::Value on_progress);

}  // namespace cti::bind
