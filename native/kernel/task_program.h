// A program of the kernel's BPF that runs once for one task, whenever it is asked to: an iterator over tasks (Linux 6.1), bound to that task.
//
// Thread-safety: one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/error.h"
#include "sys/fd.h"
#include "sys/memory.h"

namespace cti::kernel {

// The value of a map that has one: memory of programs, which stays as long as one of them or we have it.
class MapValue {
 public:
  // That we have mapped, too.
  static Result<MapValue> shared(const char* name, uint32_t size);
  // That programs alone can reach.
  static Result<MapValue> own(const char* name, uint32_t size) { return make(name, size, 0); }

  int fd() const { return fd_.get(); }
  uint8_t* data() const { return memory_.data(); }  // null: not mapped

 private:
  MapValue() = default;
  static Result<MapValue> make(const char* name, uint32_t size, uint32_t flags);
  sys::UniqueFd fd_;
  sys::Mapping memory_;
};

// The immediate of each lddw that loads 'placeholder' becomes 'value', or the address of a map's value.
struct Known {
  uint64_t placeholder;
  uint64_t value;
  bool is_map = false;  // 'value' is its descriptor
};

class TaskProgram {
 public:
  // What begins at slot 0, and the bodies of its loops (bpf_loop), functions of their own.
  struct Code {
    std::span<const uint64_t> slots;
    std::span<const uint32_t> bodies;  // the slots where they begin, ascending
  };

  // Verified by the kernel, compiled and bound to the task that has the number 'tid' (of this pid namespace) whenever it runs; kernels before 6.1 take that
  // and run it for all tasks, so a program counts. 'iterator' is the number of bpf_iter_task (kernel_types.h).
  // NO_RIGHTS: CAP_BPF and CAP_PERFMON are needed; SYSTEM: whatever else the kernel says.
  static Result<TaskProgram> load(const char* name, const Code& code, std::span<const Known> known, uint32_t iterator, pid_t tid);

  // Runs it, here and now; not at all if there is no such task any more. SYSTEM: the kernel will not.
  Result<void> run();

 private:
  sys::UniqueFd link_;  // holds the program
};

}  // namespace cti::kernel
