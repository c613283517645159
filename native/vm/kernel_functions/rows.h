// The rows of schema/kernel-functions/ as constants, for functions that hand over to the host: suspend(env, args, rows::SET_NAME).
//
// Thread-safety: constants.
#pragma once

#include "vm/kernel_function.h"

namespace cti::vm::rows {

#define CTI_KERNEL_FUNCTION(set, number, name, ...) extern const KernelFunction set##_##name;
#include "vm/generated/kernel_functions.inc"
#undef CTI_KERNEL_FUNCTION

}  // namespace cti::vm::rows
