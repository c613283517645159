// Broken ovs-vswitchd memory against the walkers, through their reader interface: a whole image (native/test/attach_support.h) in which pointers,
// counts, hashes, lengths and whole flows are changed by what they are, before and while it is read.
//
// A case fails by a crash, by a sanitizer, or by costing more reads than memory of that size may cost; there are no clocks in it.
//
// Thread-safety: run() on one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace cti::attach_fuzz {

// How deep cases got: each counts the cases in which it happened at least once.
enum Stage : uint32_t {
  kRootFound,       // the datapaths were found by shape
  kFlowSeen,        // a flow named itself as the table does
  kFlowTaken,       // ... and agreed with itself: key, mask, masked key
  kListRead,        // an action list was copied
  kListTranslated,  // ... and was well formed
  kListRefused,
  kFromRing,
  kSomeDropped,  // rows were refused or gone to the end
  kReadAgain,    // a second pass
  kManyPasses,   // all passes there are
  kTableMoved,
  kSnapshotMade,
  kRowsPrinted,
  kRefreshed,  // the counters of a snapshot of broken memory read anew
  kRefreshDropped,
  kNumStages,
};
extern const char* const kStageNames[kNumStages];

struct Report {
  uint64_t n_cases = 0;
  std::array<uint64_t, kNumStages> reached{};
  uint64_t n_rows = 0;         // taken in all
  uint64_t most_reads = 0;     // of one walk
  uint64_t most_bytes = 0;     // copied by one walk
  std::string failure;         // empty: none. Names the case
};

// Cases first .. first + n - 1 of 'seed'; each is a function of the two numbers alone. Ends at the first failure.
Report run(uint64_t seed, uint64_t first, uint64_t n);

}  // namespace cti::attach_fuzz
