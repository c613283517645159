// A switch attached to by its memory, as the files that read it share it.
//
// Thread-safety: read-only once the layout is set; jobs on other threads hold it by shared_ptr.
#pragma once

#include <memory>
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

struct Attachment {
  ovs::Target target;
  ovs::Layout layout;
  std::optional<ovs::OvsAddr> dp_netdevs;
  Manners manners;
  bool recirc_first = false;  // as manners
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
