// Programs that are stopped, saved, written to a file, read again and resumed on another engine in a fresh window, again and again, against
// the same programs left alone; and images that someone changed.
//
// Thread-safety: a value of one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "image/program_cache.h"
#include "sys/fd.h"
#include "tools/differential/random.h"
#include "vm/run.h"

namespace cti::differential {

// Loads the generated program of 'seed' for a run of its own (generator.h, image_world()).
Result<std::shared_ptr<const vm::Program>> load_traveller(uint64_t seed);
// A run of it, with memory and a segment that 'seed' fills, and a table if it is to have one.
Result<std::unique_ptr<vm::Run>> start_traveller(std::shared_ptr<const vm::Program> program, std::shared_ptr<const vm::Engine> engine,
                                                 uint64_t seed, bool has_table = false);
// Answers the call that waits as 'seed' and the call's number say.
Result<void> answer_call(vm::Run& run, uint64_t seed);

class Journeys {
 public:
  static Result<std::unique_ptr<Journeys>> create();

  // Runs the program of 'seed' both ways; what differs at the end (kind, trap, pc, r0, registers, frames, memory, fuel), if anything does.
  std::optional<std::string> run(uint64_t seed);

  struct Counts {
    uint64_t stops_at_calls = 0;
    uint64_t stops_for_fuel = 0;
    uint64_t deepest = 0;
    uint64_t bytes = 0;   // of all images
    uint64_t smallest = ~uint64_t{0};
  };
  const Counts& counts() const { return counts_; }
  vm::Stop last_stop() const { return last_stop_; }

 private:
  Journeys() = default;
  // Through the file, into a new run.
  Result<std::unique_ptr<vm::Run>> travel(const vm::Run& run, uint64_t n_stop);

  sys::UniqueFd file_;
  Counts counts_;
  vm::Stop last_stop_{};
};

// An image of the program of 'seed', stopped somewhere on its way; with tables, regions, control and monitors if 'has_more'. Empty if it
// ended before it stopped.
Result<std::vector<uint8_t>> sample_image(uint64_t seed, bool has_more);

struct MutationCounts {
  uint64_t refused = 0;
  uint64_t harmless = 0;  // accepted, and run on both engines with bounded fuel
};
// Takes 'bytes', which anyone may have changed, as far as they go. What is wrong with how they were taken, if anything is.
std::optional<std::string> take_image(Bytes bytes, MutationCounts& counts);
// 'image' changed as 'random' says; the checksum is repaired in most cases, so that what lies behind it is reached.
std::vector<uint8_t> mutate(const std::vector<uint8_t>& image, Random& random);

}  // namespace cti::differential
