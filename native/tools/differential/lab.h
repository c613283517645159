// Where engines are compared: windows with the same contents, a set of kernel functions that can stop in every way, canaries past the
// windows' guards, and a comparison of all that a program can observe.
//
// Thread-safety: a value of one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/differential/canaries.h"
#include "vm/engine.h"
#include "vm/program.h"
#include "window/window.h"

namespace cti::differential {

// Numbers of the lab's kernel functions: 1 a + b + 1; 5 ends the program if its argument is 0; 6 traps; 7 suspends; 8 charges its
// argument's low byte; 9 adds b to the 8 bytes at a.
const vm::KernelSet& lab_kernel_functions();

// What is mapped, besides the stack. Pages at the middle and at the end of the window, for accesses at edges.
struct Region {
  uint32_t address;
  uint32_t size;
  bool is_writable;
};
inline constexpr Region kRegions[] = {
    {window::kStackBase, window::kStackSize, true}, {window::kRodataBase, 4096, false}, {window::kDataBase, 8192, true},
    {window::kMemoryBase, 8192, true},              {0x80000000, 4096, true},           {0xfffff000, 4096, true},
};

// A window with the regions, and pages just past its guards that nothing may change.
class Bench {
 public:
  static Result<std::unique_ptr<Bench>> create();
  // Fills the regions with what 'seed' says.
  void reset(uint64_t seed);
  window::Window& window() { return *window_; }
  bool canaries_are_whole() const { return canaries_->are_whole(); }
  // The first byte of a writable region that differs, as text; empty if none does.
  std::string compare_memory(const Bench& other) const;

 private:
  Bench() = default;
  std::unique_ptr<window::Window> window_;
  std::optional<Canaries> canaries_;
};

struct Contender {
  std::string name;
  // Engines that take turns, one stop each; usually one.
  std::vector<std::shared_ptr<const vm::Engine>> engines;
};

struct Limits {
  unsigned max_stops = 24;
  int64_t max_slice = 200;
};

class Lab {
 public:
  // Room for 'n_contenders'.
  static Result<std::unique_ptr<Lab>> create(size_t n_contenders);

  // Runs 'program' on each contender with the same fuel slices, made from 'seed', and compares after every stop with the first.
  // What differs, as text; nothing if all is the same.
  std::optional<std::string> compare(const vm::Program& program, const std::vector<Contender>& contenders, uint64_t seed,
                                     const Limits& limits = {});
  // The same from a state of one's own.
  std::optional<std::string> compare_from(const vm::State& start, const std::vector<Contender>& contenders, uint64_t seed,
                                          const Limits& limits);
  bool canaries_are_whole() const;

  // Of the last comparison, for statistics.
  vm::Stop last_stop() const { return last_stop_; }
  unsigned n_stops() const { return n_stops_; }

 private:
  std::vector<std::unique_ptr<Bench>> benches_;
  vm::Stop last_stop_{};
  unsigned n_stops_ = 0;
};

std::string describe(const vm::Stop& stop);

}  // namespace cti::differential
