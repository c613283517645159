// differential [--programs N] [--from SEED] [--seed SEED]
//
// Runs random programs on the interpreter and on compiled code of every kind and compares all that can be observed: r0, registers,
// frames, memory, kind, pc and address of a trap, fuel; with random slices of fuel, and engines that change at each stop. Prints what
// was covered. Status 1 at the first difference, with the seed that replays it: differential --seed SEED.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "isa/disassembler.h"
#include "tools/differential/contest.h"

using namespace cti;
using namespace cti::differential;

namespace {

int replay(uint64_t seed) {
  auto contest = Contest::create();
  if (!contest) return std::fprintf(stderr, "%s\n", contest.error().message.c_str()), 2;
  auto program = vm::Program::load(generate(seed));
  if (!program) return std::fprintf(stderr, "%s\n", program.error().message.c_str()), 2;
  std::printf("%s", (*program)->disassemble().c_str());
  auto difference = (*contest)->run(seed);
  std::printf("%s\n", difference ? difference->c_str() : "no difference");
  return difference ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t n_programs = 100000;
  uint64_t from = 1;
  for (int i = 1; i < argc; i++) {
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    uint64_t number = std::strtoull(value, nullptr, 0);
    if (std::strcmp(argv[i], "--programs") == 0 && *value) {
      n_programs = number, i++;
    } else if (std::strcmp(argv[i], "--from") == 0 && *value) {
      from = number, i++;
    } else if (std::strcmp(argv[i], "--seed") == 0 && *value) {
      return replay(number);
    } else {
      std::fprintf(stderr, "usage: differential [--programs N] [--from SEED] [--seed SEED]\n");
      return 2;
    }
  }
  auto contest = Contest::create();
  if (!contest) return std::fprintf(stderr, "%s\n", contest.error().message.c_str()), 2;
  auto begin = std::chrono::steady_clock::now();
  std::map<std::string, uint64_t> ends;
  uint64_t n_stops = 0;
  for (uint64_t seed = from; seed < from + n_programs; seed++) {
    if (auto difference = (*contest)->run(seed)) {
      std::printf("seed %" PRIu64 ": %s\nreplay: differential --seed %" PRIu64 "\n", seed, difference->c_str(), seed);
      return 1;
    }
    ends[(*contest)->end_of_last()]++;
    n_stops += (*contest)->n_stops();
  }
  if (!(*contest)->canaries_are_whole()) return std::printf("a canary past a guard was overwritten\n"), 1;
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%" PRIu64 " programs, seeds from %" PRIu64 ", %" PRIu64 " stops compared, 0 differences, canaries whole, %.0f s\n", n_programs,
              from, n_stops, seconds);
  std::printf("engines: %s\nended:", (*contest)->names().c_str());
  for (const auto& [end, n] : ends) std::printf(" %s %" PRIu64, end.c_str(), n);
  std::printf("\n");
}
