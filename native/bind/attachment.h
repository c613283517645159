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

namespace cti::bind {

struct Attachment {
  ovs::Target target;
  ovs::Layout layout;
  std::optional<ovs::OvsAddr> dp_netdevs;
  // Where a reading thread must not run. Set on the JavaScript thread; a task copies it when it is made.
  std::vector<int> avoided_cpus;
};

// Of a call's first argument; throws a TypeError if that is something else.
std::shared_ptr<Attachment> attachment_of(const Napi::CallbackInfo& info);

// Where its datapaths are; throws if it has no layout yet.
ovs::OvsAddr root_of(Napi::Env env, const Attachment& attachment);

// SWITCH_CLOSED: the process is not the one that was attached to.
Error ended(const Attachment& attachment);

}  // namespace cti::bind
