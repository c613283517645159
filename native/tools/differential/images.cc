// images [--journeys N] [--mutations N] [--from SEED]
//
// What must hold of images, on as many cases as asked for. Journeys: generated programs, saved at every call that suspends and at random
// ends of fuel, through a file onto another engine, end as those left alone do. Mutations: changed images are refused with a reason or
// harmless, and nothing of them is kept: windows, programs, descriptors. Status 1 at the first that does not hold, with its seed.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "tools/differential/journeys.h"

using namespace cti;
using namespace cti::differential;

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int make_journeys(uint64_t from, uint64_t n) {
  auto journeys = Journeys::create();
  if (!journeys) return std::fprintf(stderr, "%s\n", journeys.error().message.c_str()), 2;
  auto begin = std::chrono::steady_clock::now();
  std::map<std::string, uint64_t> ends;
  for (uint64_t seed = from; seed < from + n; seed++) {
    if (auto difference = (*journeys)->run(seed)) {
      std::printf("seed %" PRIu64 ": %s\nreplay: images --journeys 1 --from %" PRIu64 "\n", seed, difference->c_str(), seed);
      return 1;
    }
    vm::Stop stop = (*journeys)->last_stop();
    ends[stop.kind == vm::Stop::Kind::exited    ? "exited"
         : stop.kind == vm::Stop::Kind::trapped ? std::string(vm::trap_name(stop.trap))
                                                : "out of fuel"]++;
  }
  const auto& counts = (*journeys)->counts();
  std::printf("%" PRIu64 " programs, seeds from %" PRIu64 ": %" PRIu64 " images at calls, %" PRIu64 " at ends of fuel, up to %" PRIu64
              " calls deep, %" PRIu64 " bytes in all (smallest %" PRIu64 "), 0 differences, %.0f s\nended:",
              n, from, counts.stops_at_calls, counts.stops_for_fuel, counts.deepest, counts.bytes, counts.smallest, seconds_since(begin));
  for (const auto& [end, count] : ends) std::printf(" %s %" PRIu64, end.c_str(), count);
  std::printf("\n");
  return 0;
}

// 4 GiB are a window.
uint64_t address_space() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * 4096;
}

long open_descriptors() { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); }

int make_mutations(uint64_t from, uint64_t n) {
  std::vector<std::vector<uint8_t>> images;
  for (uint64_t seed = from; images.size() < 24; seed++) {
    auto image = sample_image(seed, images.size() % 2 == 0);
    if (!image) return std::fprintf(stderr, "%s\n", image.error().message.c_str()), 2;
    if (!image->empty()) images.push_back(*std::move(image));
  }
  auto& cache = image::ProgramCache::shared();
  cache.clear();
  uint64_t space_before = address_space();
  long descriptors_before = open_descriptors();
  auto begin = std::chrono::steady_clock::now();
  MutationCounts counts;
  uint64_t n_done = 0;
  auto take = [&](const std::vector<uint8_t>& bytes, const char* what, uint64_t which) {
    n_done++;
    auto wrong = take_image(bytes, counts);
    if (wrong) std::printf("%s %" PRIu64 ": %s\n", what, which, wrong->c_str());
    return !wrong;
  };
  // Every byte of every image first, with the checksum as it was and repaired.
  for (size_t k = 0; k < images.size() && n_done < n; k++) {
    for (uint64_t at = 0; at < images[k].size() && n_done + 4 <= n; at++) {
      for (uint8_t change : {0x01, 0x80, 0xff}) {
        std::vector<uint8_t> bytes = images[k];
        bytes[at] = static_cast<uint8_t>(bytes[at] ^ change);
        if (change == 0x01 && !take(bytes, "byte, checksum as it was,", at)) return 1;
        image::repair_checksum(bytes);
        if (!take(bytes, "byte", at)) return 1;
      }
    }
  }
  for (uint64_t seed = from; n_done < n; seed++) {
    Random random(seed * 17 + 9);
    if (!take(mutate(random.pick_of(images), random), "seed", seed)) return 1;
  }
  uint64_t kept_programs = cache.n_programs();
  bool is_bounded = kept_programs <= image::ProgramCache::kDefaultMaxPrograms && cache.n_bytes() <= image::ProgramCache::kDefaultMaxBytes;
  cache.clear();
  bool is_kept = address_space() > space_before + (uint64_t{1} << 32) || open_descriptors() != descriptors_before;
  std::printf("%" PRIu64 " cases on %zu images: %" PRIu64 " refused with a reason, %" PRIu64 " harmless on both engines, %s, %.0f s\n", n_done,
              images.size(), counts.refused, counts.harmless, is_kept || !is_bounded ? "SOMETHING WAS KEPT" : "nothing kept", seconds_since(begin));
  return is_kept || !is_bounded;
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t n_journeys = 0, n_mutations = 0, from = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    uint64_t number = std::strtoull(argv[i + 1], nullptr, 0);
    if (std::strcmp(argv[i], "--journeys") == 0) {
      n_journeys = number;
    } else if (std::strcmp(argv[i], "--mutations") == 0) {
      n_mutations = number;
    } else if (std::strcmp(argv[i], "--from") == 0) {
      from = number;
    } else {
      n_journeys = n_mutations = 0;
      break;
    }
  }
  if (n_journeys == 0 && n_mutations == 0) {
    std::fprintf(stderr, "usage: images [--journeys N] [--mutations N] [--from SEED]\n");
    return 2;
  }
  if (n_journeys > 0) {
    if (int status = make_journeys(from, n_journeys)) return status;
  }
  return n_mutations > 0 ? make_mutations(from, n_mutations) : 0;
}
