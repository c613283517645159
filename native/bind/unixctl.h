// What the bindings of the live source share.
//
// Thread-safety: the JavaScript thread only.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "ovs/unixctl.h"
#include "tables/snapshot.h"

namespace cti::bind {

// {command, firstByteMs, lastByteMs, replyBytes, cpuMs | null, rssGrowthBytes | null}
Napi::Object cost_to_js(Napi::Env env, const ovs::RequestCost& cost);

// What each reading over the control socket gives: {snapshot, socketPath, beginNs, endNs, requests}; times are CLOCK_REALTIME.
Napi::Object asked_to_js(Napi::Env env, tables::Snapshot snapshot, const std::string& socket_path, uint64_t begin_ns, uint64_t end_ns,
                         const std::vector<ovs::RequestCost>& requests);

}  // namespace cti::bind
