// allowedCpus() and keepProcessOn(cpus): where the threads of this process may run.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <vector>

#include "bind/bind.h"
#include "bind/values.h"
#include "sys/affinity.h"

namespace cti::bind {
namespace {

// () -> CPUs that this thread may run on, ascending
Napi::Value allowed_cpus(const Napi::CallbackInfo& info) {
  const std::vector<int> cpus = sys::allowed_cpus();
  Napi::Array list = Napi::Array::New(info.Env(), cpus.size());
  for (uint32_t i = 0; i < cpus.size(); i++) list.Set(i, cpus[i]);
  return list;
}

// (cpus) -> 0, or an errno
Napi::Value keep_process_on(const Napi::CallbackInfo& info) {
  std::vector<int> cpus;
  for_each(info[0], [&](const Napi::Value& cpu) { cpus.push_back(static_cast<int>(uint32_of(cpu))); });
  return Napi::Number::New(info.Env(), sys::keep_process_on(cpus));
}

}  // namespace

void init_cpus(Napi::Env env, Napi::Object exports) {
  export_function<allowed_cpus>(env, exports, "allowedCpus");
  export_function<keep_process_on>(env, exports, "keepProcessOn");
}

}  // namespace cti::bind
