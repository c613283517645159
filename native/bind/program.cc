#include "bind/bind.h"

namespace cti::bind {

void init_program(Napi::Env, Napi::Object) {}

}  // namespace cti::bind
