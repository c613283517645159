// attach_fuzz CASES [SEED] [FIRST]: broken memory against the walkers (fuzz.h), and how deep the cases got. Build it with -DCTI_SANITIZE=ON. Status 1 if
// a case failed; `attach_fuzz 1 SEED CASE` runs it again.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "test/attach_fuzz/fuzz.h"

int main(int argc, char** argv) {
  using namespace cti::attach_fuzz;
  char* end = nullptr;
  const uint64_t n = argc > 1 ? std::strtoull(argv[1], &end, 10) : 0;
  if (n == 0 || *end != 0) {
    std::fprintf(stderr, "attach_fuzz: expected CASES [SEED] [FIRST], numbers\n");
    return 2;
  }
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1, first = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0;
  const Report report = run(seed, first, n);
  std::printf("%" PRIu64 " cases, seed %" PRIu64 "; %" PRIu64 " rows taken; the most that one walk read: %" PRIu64 " ranges, %" PRIu64 " bytes\n", report.n_cases,
              seed, report.n_rows, report.most_reads, report.most_bytes);
  for (uint32_t stage = 0; stage < kNumStages; stage++)
    std::printf("  %-42s %9" PRIu64 "  %5.1f %%\n", kStageNames[stage], report.reached[stage],
                100.0 * static_cast<double>(report.reached[stage]) / static_cast<double>(report.n_cases));
  if (report.failure.empty()) return 0;
  std::printf("FAILED: %s\n", report.failure.c_str());
  return 1;
}
