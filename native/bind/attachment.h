// A switch attached to by its memory, as the files that read it share it.
//
// Thread-safety: read-only once the layout is set; jobs on other threads hold it by shared_ptr.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bind/bind.h"
#include "ovs/attach_target.h"
#include "ovs/layout.h"
#include "ovs/process.h"
#include "sys/affinity.h"

namespace cti::bind {

// How a reading thread keeps out of the switch's way. Set on the JavaScript thread; a task copies it when it is made.
struct Manners {
  std::vector<int> avoided_cpus;
  // Nor, if there is another, on the CPU where the switch's main thread is when the reading begins: it handles upcalls.
  bool avoids_main_thread = false;
};

// On the reading thread, as long as it reads.
class KeepOut {
 public:
  KeepOut(const Manners& manners, pid_t pid) : avoid_(manners.avoided_cpus, main_thread(manners, pid)) {}

 private:
  static std::vector<int> main_thread(const Manners& manners, pid_t pid) {
    auto cpu = manners.avoids_main_thread ? ovs::main_thread_cpu(pid) : std::nullopt;
    return cpu ? std::vector<int>{*cpu} : std::vector<int>{};
  }

  sys::AvoidCpus avoid_;
};

struct Attachment {
  ovs::Target target;
  ovs::Layout layout;
  std::optional<ovs::OvsAddr> dp_netdevs;
  Manners manners;
};

// Of a call's first argument; throws a TypeError if that is something else.
std::shared_ptr<Attachment> attachment_of(const Napi::CallbackInfo& info);

// Where its datapaths are; throws if it has no layout yet.
ovs::OvsAddr root_of(Napi::Env env, const Attachment& attachment);

// SWITCH_CLOSED: the process is not the one that was attached to.
Error ended(const Attachment& attachment);

}  // namespace cti::bind
