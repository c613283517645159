#include "kernel/page_reader.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>

#include "kernel/kernel_types.h"

namespace cti::kernel {
namespace {

#include "kernel/generated/page_walk.inc"

constexpr uint64_t kPage = sys::kPageSize;
constexpr uint64_t kGiB = 1ull << 30;
constexpr uint64_t kMaxPhysical = 16384;  // GiB
// Where the kernel's half of all addresses begins.
constexpr uint64_t kBaseOfFourLevels = 0xffff'8000'0000'0000;
constexpr uint64_t kBaseOfFiveLevels = 0xff00'0000'0000'0000;

// What is true of the kernel as long as it runs.
struct Kernel {
  uint32_t iterator, task_mm, task_start, mm_pgd;
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
      {CTI_WALK_TASK_START, kernel.task_start},
      {CTI_WALK_MM_PGD, kernel.mm_pgd},
  };
  return TaskProgram::load(name, code, known, kernel.iterator, pid);
}

// The kernel has all physical memory mapped from an address on that it chooses when it starts: a multiple of 1 GiB. Our own top page table lies in there,
// so it is one of the few multiples before that: the one by which a page of our own, filled at random, is found through our own page tables.
Result<void> find_base(MapValue& value, Kernel& kernel) {
  alignas(64) static uint8_t mark[64];
  if (getrandom(mark, sizeof mark, 0) != sizeof mark) return system_error(errno, "getrandom");
  cti_walk_area& area = *reinterpret_cast<cti_walk_area*>(value.data());
  // The top page table alone says how many levels there are: where the kernel has memory mapped depends on it.
  kernel.levels = 4;
  auto program = load("cti_base", kFindsBase, kernel, value, getpid());
  if (!program) return std::move(program.error());
  area.n_ran = 0;
  CTI_TRY(program->run());
  if (area.n_ran != 1)
    return errorf(ErrorCode::SYSTEM, "a program in the kernel came to %llu processes, and not to this one alone; that needs Linux 6.1 or later",
                  static_cast<unsigned long long>(area.n_ran));
  const uint64_t root = area.root;
  if (root < kBaseOfFourLevels) {
    kernel.levels = 5;
    program = load("cti_base", kFindsBase, kernel, value, getpid());
    if (!program) return std::move(program.error());
  }
  for (uint64_t i = 0; i < kMaxPhysical; i++) {
    area.base = (root & ~(kGiB - 1)) - i * kGiB;
    if (area.base < (kernel.levels == 5 ? kBaseOfFiveLevels : kBaseOfFourLevels)) break;
    area.n_pieces = 1;
    area.pieces[0] = {reinterpret_cast<uintptr_t>(mark), 0, sizeof mark, 0};
    CTI_TRY(program->run());
    if (area.pieces[0].done && std::memcmp(area.room, mark, sizeof mark) == 0) {
      kernel.base = area.base;
      return {};
    }
  }
  return errorf(ErrorCode::SYSTEM, "a page of this process was not found through its page tables, so nothing is read by them; expected 4 or 5 levels of them, and "
                "memory that is not encrypted");
}

// Memory of which a guest of such a kind has not yet told its host that it takes it must not be touched, not even by a read that may fail; and looking for the
// base reads at places that may be such.
bool is_trust_domain() {
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line);)
    if (line.rfind("flags", 0) == 0) return line.find(" tdx_guest") != line.npos;
  return false;
}

Result<Kernel> look_at_kernel() {
  if (is_trust_domain()) return errorf(ErrorCode::SYSTEM, "this machine is a guest with encrypted memory (TDX)");
  // First, for it takes nothing: without rights there is no more to do.
  auto value = MapValue::shared("cti_base", sizeof(cti_walk_area));
  if (!value) return std::move(value.error());
  auto types = KernelTypes::read();
  if (!types) return std::move(types.error());
  const auto iterator = types->function("bpf_iter_task"), mm = types->offset("task_struct", "mm"),
             start = types->offset("task_struct", "start_boottime"), pgd = types->offset("mm_struct", "pgd");
  if (!iterator || !mm || !start || !pgd)
    return errorf(ErrorCode::SYSTEM, "this kernel has no iterators over tasks, or not what is expected in its structures (task_struct.mm, .start_boottime, mm_struct.pgd)");
  Kernel kernel{*iterator, *mm, *start, *pgd, 0, 0};
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
  auto kernel = this_kernel();
  if (!kernel) return std::move(kernel.error());
  auto value = MapValue::shared("cti_pages", sizeof(cti_walk_area));
  if (!value) return std::move(value.error());
  auto program = load("cti_pages", kWalks, *kernel, *value, pid);
  if (!program) return std::move(program.error());
  // Now it comes to its process, and to no other from then on.
  std::unique_ptr<PageReader> made(new PageReader(*std::move(value), *std::move(program)));
  CTI_TRY(made->program_.run());
  if (made->area().n_ran != 1) return errorf(ErrorCode::SYSTEM, "a program in the kernel did not come to process %d", static_cast<int>(pid));
  return made;
}

size_t PageReader::read(std::span<Wanted> wanted) {
  cti_walk_area& shared = area();
  size_t n_calls = 0;
  uint32_t n = 0;
  uint32_t whose[CTI_WALK_MAX_PIECES];
  auto run = [&] {
    shared.n_pieces = n;
    // One that failed once (no descriptors, no memory) would fail for each piece.
    if (!is_broken_) n_calls++, is_broken_ = !program_.run();
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
