// Images that someone changed: refused with a reason, or harmless.
#include <algorithm>

#include "tools/differential/journeys.h"

namespace cti::differential {
namespace {

constexpr int64_t kFuel = 2000;

bool is_reason(const Error& error) {
  bool is_known = error.code == ErrorCode::IMAGE_MALFORMED || error.code == ErrorCode::PROGRAM_MALFORMED ||
                  error.code == ErrorCode::PROGRAM_UNRESOLVED;
  return is_known && error.message.size() > 10;
}

// Goes on from an image on one engine: whatever it does, it must come back.
std::optional<std::string> run_on(const image::LoadedProgram& program, const vm::SavedRun& saved, image::EngineChoice choice) {
  auto engine = program.engine(choice, jit::Addressing::automatic);
  if (!engine) return engine.error().message;
  vm::Mappings stale;
  stale.tables.resize(saved.tables.size());
  stale.regions.resize(saved.regions.size());
  auto run = vm::Run::restore(program.program(), *engine, saved, stale, 4096);
  if (!run) return "an image that was accepted does not fit a window: " + run.error().message;
  for (unsigned i = 0; i < 4 && !(*run)->is_over(); i++) {
    if ((*run)->pending().function) {
      if (auto answered = answer_call(**run, i); !answered) return "a call of an image cannot be answered: " + answered.error().message;
    }
    vm::Stop stop = (*run)->step(kFuel);
    if (stop.pc > program.program()->n_slots()) return "it stopped outside the program";
  }
  return {};
}

}  // namespace

std::optional<std::string> take_image(Bytes bytes, MutationCounts& counts) {
  auto refused = [&](const Error& error) -> std::optional<std::string> {
    counts.refused++;
    if (is_reason(error)) return {};
    return "refused without a reason: " + std::string(error_code_name(error.code)) + " " + error.message;
  };
  auto image = image::decode(bytes);
  if (!image) return refused(image.error());
  auto& cache = image::ProgramCache::shared();
  auto program = cache.load(image->program, image->program_offset);
  if (!program) return refused(program.error());
  auto checked = image::check(image->run, *(*program)->program(), (*program)->facts());
  if (!checked) return refused(checked.error());
  cache.keep(image->program, *program);
  counts.harmless++;
  for (auto choice : {image::EngineChoice::interpreter, image::EngineChoice::automatic}) {
    if (auto wrong = run_on(**program, image->run, choice)) return wrong;
  }
  return {};
}

std::vector<uint8_t> mutate(const std::vector<uint8_t>& image, Random& random) {
  static constexpr uint64_t kEdges[] = {0,          1,          2,          7,          8,          10,         0x7f,       0x80,
                                        0xff,       0x100,      0xffff,     0x10000,    0x0fffffff, 0x10000000, 0x10001000, 0x18000000,
                                        0x20000000, 0x20002000, 0x30000000, 0x40000000, 0x40001000, 0x7fffffff, 0x80000000, 0xfffff000,
                                        0xffffffff, 0x100000000, ~uint64_t{0}};
  std::vector<uint8_t> bytes = image;
  auto size = static_cast<uint32_t>(bytes.size());
  for (unsigned n = 1 + (random.one_in(4) ? random.below(4) : 0); n > 0; n--) {
    uint32_t at = random.below(size);
    unsigned width = std::min(1u << random.below(4), size - at);
    switch (random.below(4)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1u << random.below(8));
        break;
      case 1: {
        uint64_t edge = random.pick_of(kEdges);
        std::memcpy(bytes.data() + at, &edge, width);
        break;
      }
      case 2: {
        uint64_t value = 0;
        std::memcpy(&value, bytes.data() + at, width);
        value += random.one_in(2) ? 1 : ~uint64_t{0};
        std::memcpy(bytes.data() + at, &value, width);
        break;
      }
      default: {
        // Bytes of one field in another.
        uint32_t from = random.below(size - width + 1);
        std::memmove(bytes.data() + at, image.data() + from, width);
        break;
      }
    }
  }
  if (random.one_in(12)) {
    bytes.resize(random.one_in(2) ? random.below(size + 1) : size + random.below(64));
    if (bytes.size() >= image::kHeaderSize && !random.one_in(4)) store(bytes.data() + 8, static_cast<uint32_t>(bytes.size()));
  }
  if (bytes.size() >= image::kHeaderSize && !random.one_in(16)) image::repair_checksum(bytes);
  return bytes;
}

}  // namespace cti::differential
