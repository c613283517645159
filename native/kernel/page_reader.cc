#include "kernel/page_reader.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "kernel/kernel_types.h"

namespace cti::kernel {
namespace {

#include "kernel/generated/page_walk.inc"

constexpr uint64_t kPage = 4096;
constexpr uint64_t kGiB = 1ull << 30;
constexpr uint64_t kMaxPhysical = 16384;  // GiB
constexpr uint64_t kLowestBase = 0xff00'0000'0000'0000;

// What is true of the kernel as long as it runs.
struct Kernel {
  uint32_t iterator, task_mm, mm_pgd;
  uint64_t levels, base;
};

Result<TaskProgram> load(const char* name, const TaskProgram::Code& code, const Kernel& kernel, const MapValue& area, pid_t pid) {
  const auto entries = MapValue::own("cti_entries", CTI_WALK_ENTRIES_SIZE);
  if (!entries) return entries.error();
  const Known known[] = {
      {CTI_WALK_AREA, static_cast<uint64_t>(area.fd()), true},
      {CTI_WALK_ENTRIES, static_cast<uint64_t>(entries->fd()), true},
      {CTI_WALK_BASE, kernel.base},
      {CTI_WALK_LEVELS, kernel.levels},
      {CTI_WALK_TASK_MM, kernel.task_mm},
      {CTI_WALK_MM_PGD, kernel.mm_pgd}
  };
  return TaskProgram::load(name, code, known, kernel.iterator, pid);
}

// The kernel has all physical memory mapped from an address on that it chooses when it starts: a multiple of 1 GiB. Our own top page table lies in there,
// so it is one of the few multiples before that: the one by which a page of our own, filled at random, is found through our own page tables.
Result<void> find_base(MapValue& value, Kernel& kernel) {
  alignas(64) static uint8_t mark[64];
  if (getrandom(mark, sizeof mark, 0) != sizeof mark) return system_error(errno, "getrandom");
  cti_walk_area& area = *reinterpret_cast<cti_walk_area*>(value.data());
  for (const uint64_t levels : {4, 5}) {
    kernel.levels = levels;
    auto program = load("cti_base", kFindsBase, kernel, value, getpid());
    if (!program) return std::move(program.error());
    int errnum;
    area.n_pieces = 0;
    if (!program->run(errnum)) return system_error(errnum, "run a program in the kernel");
    if (!area.ran) return errorf(ErrorCode::SYSTEM, "a program in the kernel did not come to this process; that needs Linux 6.1 or later");
    const uint64_t root = area.root;
    for (uint64_t i = 0; i < kMaxPhysical; i++) {
      area.base = (root & ~(kGiB - 1)) - i * kGiB;
      if (area.base < kLowestBase) break;
      area.n_pieces = 1;
      area.pieces[0] = {reinterpret_cast<uintptr_t>(mark), 0, sizeof mark, 0};
      if (!program->run(errnum)) return system_error(errnum, "run a program in the kernel");
      if (area.pieces[0].done && std::memcmp(area.room, mark, sizeof mark) == 0) {
        kernel.base = area.base;
        return {};
      }
    }
  }
  return errorf(ErrorCode::SYSTEM, "a page of this process was not found through its page tables, so nothing is read by them; expected 4 or 5 levels of them, and "
                "memory that is not encrypted");
}

Result<Kernel> look_at_kernel() {
  // First, for it takes nothing: without rights there is no more to do.
  auto value = MapValue::shared("cti_base", sizeof(cti_walk_area));
  if (!value) return std::move(value.error());
  auto types = KernelTypes::read();
  if (!types) return std::move(types.error());
  const auto iterator = types->function("bpf_iter_task"), mm = types->offset("task_struct", "mm"), pgd = types->offset("mm_struct", "pgd");
  if (!iterator || !mm || !pgd)
    return errorf(ErrorCode::SYSTEM, "this kernel has no iterators over tasks, or not what is expected in its structures (task_struct.mm, mm_struct.pgd)");
  Kernel kernel{*iterator, *mm, *pgd, 0, 0};
  CTI_TRY(find_base(*value, kernel));
  return kernel;
}

// Found out once; an error is found out anew, for rights can be given back.
Result<Kernel> this_kernel() {
  static std::mutex mutex;
  static std::optional<Kernel> found;
  const std::lock_guard lock(mutex);
  if (found) return *found;
  auto looked = look_at_kernel();
  if (looked) found = *looked;
  return looked;
}

}  // namespace

Result<std::unique_ptr<PageReader>> PageReader::open(pid_t pid) {
#ifndef __x86_64__
  return errorf(ErrorCode::SYSTEM, "page tables are known of x86-64 only");
#endif
  if (sysconf(_SC_PAGESIZE) != static_cast<long>(kPage)) return errorf(ErrorCode::SYSTEM, "expected pages of 4096 bytes");
  auto kernel = this_kernel();
  if (!kernel) return std::move(kernel.error());
  auto value = MapValue::shared("cti_pages", sizeof(cti_walk_area));
  if (!value) return std::move(value.error());
  auto program = load("cti_pages", kWalks, *kernel, *value, pid);
  if (!program) return std::move(program.error());
  return std::unique_ptr<PageReader>(new PageReader(*std::move(value), *std::move(program)));
}

size_t PageReader::read(std::span<Wanted> wanted) {
  cti_walk_area& shared = area();
  size_t n_calls = 0;
  uint32_t n = 0;
  uint32_t whose[CTI_WALK_MAX_PIECES];
  auto run = [&] {
    shared.n_pieces = n;
    int errnum;
    program_.run(errnum);
    n_calls++;
    // What the program did not come to, or could not read, says so by itself.
    for (uint32_t i = 0; i < n; i++)
      if (!shared.pieces[i].done) wanted[whose[i]].was_read = false;
    n = 0;
  };
  for (size_t i = 0; i < wanted.size(); i++) {
    Wanted& one = wanted[i];
    one.was_read = one.size > 0 && one.to <= kRoom && one.size <= kRoom - one.to;
    if (!one.was_read) continue;
    // A piece ends where its page does.
    for (uint32_t at = 0; at < one.size;) {
      const auto size = static_cast<uint32_t>(std::min<uint64_t>(one.size - at, kPage - (one.from + at) % kPage));
      if (n == CTI_WALK_MAX_PIECES) run();
      whose[n] = static_cast<uint32_t>(i);
      shared.pieces[n++] = {one.from + at, one.to + at, static_cast<uint16_t>(size), 0};
      at += size;
    }
  }
  if (n > 0) run();
  return n_calls;
}

}  // namespace cti::kernel
