#include "bind/bind.h"

namespace cti::bind {

void init_snapshot(Napi::Env, Napi::Object) {}

}  // namespace cti::bind
