// What the bindings of the live source share.
//
// Thread-safety: the JavaScript thread only.
#pragma once

#include <napi.h>

#include "ovs/unixctl.h"

namespace cti::bind {

// {command, firstByteMs, lastByteMs, replyBytes, cpuMs | null, rssGrowthBytes | null}
Napi::Object cost_to_js(Napi::Env env, const ovs::RequestCost& cost);

}  // namespace cti::bind
