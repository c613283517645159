// A switch attached to by its memory, as the files that read it share it.
//
// Thread-safety: read-only once the layout is set, but for its page tables, which lock themselves; jobs on other threads hold it by shared_ptr.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "bind/bind.h"
#include "ovs/attach_target.h"
#include "ovs/layout.h"
#include "ovs/process.h"
#include "sys/affinity.h"
#include "sys/thread_cost.h"

namespace cti::bind {

// How a reading keeps out of the switch's way. Set on the JavaScript thread; a task copies it when it is made.
struct Manners {
  std::vector<int> avoided_cpus;
  // It does not: it uses any CPU, and reads megaflows with two threads. Else its one thread also keeps off the CPU, if there is another, where the switch's
  // main thread is when the reading begins: that one handles upcalls.
  bool fast = false;
};

// On the reading thread, as long as it reads.
class KeepOut {
 public:
  KeepOut(const Manners& manners, pid_t pid) : avoid_(avoided(manners), main_thread(manners, pid)) {}

 private:
  static std::span<const int> avoided(const Manners& manners) { return manners.fast ? std::span<const int>() : manners.avoided_cpus; }
  static std::vector<int> main_thread(const Manners& manners, pid_t pid) {
    auto cpu = manners.fast ? std::nullopt : ovs::main_thread_cpu(pid);
    return cpu ? std::vector<int>{*cpu} : std::vector<int>{};
  }

  sys::AvoidCpus avoid_;
};

// The reader of its page tables (kernel/page_reader.h), which is made when one first wants it.
class PageTables {
 public:
  // Not to be used, from now on.
  void forbid() {
    const std::lock_guard lock(mutex_);
    reader_.reset();
    why_not_ = "it was told not to (CTINSPECTOR_PAGE_TABLES=off)";
    is_forbidden_ = true;
  }
  // Why it cannot be used; empty: it can.
  std::string why_not(pid_t pid) {
    const std::lock_guard lock(mutex_);
    open(pid);
    return why_not_;
  }
  // One reading's, as long as it lasts. Null inside where it cannot be used, or another reading has it.
  class Use {
   public:
    // With 'opens' it is made if it is not there yet: that takes some 10 ms.
    Use(PageTables& of, pid_t pid, bool opens) : lock_(of.mutex_, std::try_to_lock) {
      if (!lock_) return;
      if (opens) of.open(pid);
      reader_ = of.reader_.get();
    }
    kernel::PageReader* reader() const { return reader_; }

   private:
    std::unique_lock<std::mutex> lock_;
    kernel::PageReader* reader_ = nullptr;
  };

 private:
  static constexpr std::chrono::minutes kBeforeTryingAgain{1};
  // Memory or descriptors that were not to be had may be later.
  bool may_try() const { return !is_forbidden_ && (why_not_.empty() || std::chrono::steady_clock::now() - tried_ > kBeforeTryingAgain); }
  void open(pid_t pid) {
    if (reader_ || !may_try()) return;
    auto made = kernel::PageReader::open(pid);
    tried_ = std::chrono::steady_clock::now();
    why_not_ = made ? "" : made.error().message;
    if (made) reader_ = *std::move(made);
  }

  std::mutex mutex_;
  std::unique_ptr<kernel::PageReader> reader_;
  std::string why_not_;
  bool is_forbidden_ = false;
  std::chrono::steady_clock::time_point tried_;
};

struct Attachment {
  ovs::Target target;
  ovs::Layout layout;
  std::optional<ovs::OvsAddr> dp_netdevs;
  Manners manners;
  bool recirc_first = false;  // as manners
  uint64_t n_flows = 0;       // as manners: of all tables, when they were looked at last
  PageTables page_tables;
};

// {cpuMs, waitedMs | null} beside what 'object' has.
void set_thread_cost(Napi::Object object, const sys::ThreadCost& cost);

// Of a call's first argument; throws a TypeError if that is something else.
std::shared_ptr<Attachment> attachment_of(const Napi::CallbackInfo& info);

// Where its datapaths are; throws if it has no layout yet.
ovs::OvsAddr root_of(Napi::Env env, const Attachment& attachment);

// SWITCH_CLOSED: the process is not the one that was attached to.
Error ended(const Attachment& attachment);

}  // namespace cti::bind
