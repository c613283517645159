// Reads many small pieces of another process's memory, by a program in the kernel that goes through its page tables (page_walk.bpf.c): no lock of that
// memory is taken, no page pinned, and a piece costs some 200 ns where a range of process_vm_readv costs 550.
//
// A piece is what was there while it was copied; one whose page the kernel moved at that moment is not read. Of a process that ends meanwhile it may be
// anything. So whoever reads proves what he got, as always.
//
// Needs x86-64, Linux 6.1 with BTF, CAP_BPF and CAP_PERFMON. All else is an error of open(), and then one copies.
//
// Thread-safety: one thread at a time.
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>

#include "base/error.h"
#include "kernel/page_walk.h"
#include "kernel/task_program.h"

namespace cti::kernel {

class PageReader {
 public:
  static constexpr size_t kRoom = CTI_WALK_ROOM - CTI_WALK_MAX_PIECE;  // bytes

  struct Wanted {
    uint64_t from;  // an address in the process
    uint32_t size;  // bytes, at least 1
    uint32_t to;    // in room()
    bool was_read;  // set by read(): all of it was
  };

  // 'pid' is of this pid namespace. The first one in this process finds out where the kernel has physical memory, by looking for a page of our own.
  static Result<std::unique_ptr<PageReader>> open(pid_t pid);

  // Reads each, in this order and from its low to its high address. What lies together comes fast: by address is best. Returns how often the kernel was
  // called: once for some 2,000 pages or parts of one.
  size_t read(std::span<Wanted> wanted);
  uint8_t* room() { return area().room; }

 private:
  PageReader(MapValue value, TaskProgram program) : value_(std::move(value)), program_(std::move(program)) {}
  // SAFETY: the value has this size, and is mapped as long as it is there.
  cti_walk_area& area() const { return *reinterpret_cast<cti_walk_area*>(value_.data()); }

  MapValue value_;
  TaskProgram program_;
  bool is_broken_ = false;  // the kernel does not run it any more
};

}  // namespace cti::kernel
