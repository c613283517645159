// Images: journeys and mutations as native/tools/differential/images.cc makes them, fewer; and what the original's images let through,
// each fault by name (program interface of the original CTinspector).
#include <functional>

#include "image/sections.h"
#include "test/vm_support.h"
#include "tools/differential/journeys.h"
#include "tools/differential/lab.h"

using namespace cti;
using namespace cti::differential;
using isa::Op;
using test::make;

namespace {

// A caller of a function that waits at later(), two frames deep.
std::shared_ptr<const vm::Program> waiting_program() {
  auto program = test::load_program({
      make(Op::lddw, {.dst = 6, .imm = 5}), test::second_slot(),
      make(Op::call_local, {.imm = 1}),
      make(Op::exit),
      make(Op::mov64_imm, {.dst = 1, .imm = 1}),
      make(Op::call, {.imm = 7}),
      make(Op::exit),
  });
  REQUIRE(program);
  return *program;
}

struct Sample {
  std::shared_ptr<const vm::Program> program = waiting_program();
  image::ProgramFacts facts{*program};
  std::vector<uint8_t> section;
  vm::SavedRun run;

  Sample() {
    vm::RunOptions options;
    options.suspends = true;
    auto started = test::start(program, options);
    REQUIRE(started->step(100).kind == vm::Stop::Kind::suspended);
    run = started->save();
    run.stored.clear();  // views of a window that goes
    auto encoded = image::encode_program(*program);
    REQUIRE(encoded);
    section = *encoded;
  }
  std::string refusal(const std::function<void(vm::SavedRun&)>& change) const {
    vm::SavedRun changed = run;
    change(changed);
    auto result = image::check(changed, *program, facts);
    if (result) return "";
    CHECK(result.error().code == ErrorCode::IMAGE_MALFORMED);
    return result.error().message;
  }
};

bool mentions(const std::string& message, const char* what) { return message.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("images: 2,000 generated programs, saved at every stop and resumed on another engine, end as those left alone") {
  auto journeys = Journeys::create();
  REQUIRE(journeys);
  for (uint64_t seed = 1; seed <= 2000; seed++) {
    auto difference = (*journeys)->run(seed);
    if (difference) FAIL("seed " << seed << ": " << *difference);
  }
  const auto& counts = (*journeys)->counts();
  CHECK(counts.stops_at_calls > 500);
  CHECK(counts.stops_for_fuel > 500);
  CHECK(counts.deepest == 7);
}

TEST_CASE("images: 20,000 changed ones are refused with a reason, or harmless on both engines") {
  std::vector<std::vector<uint8_t>> images;
  for (uint64_t seed = 1; images.size() < 6; seed++) {
    auto image = sample_image(seed, true);
    REQUIRE(image);
    if (!image->empty()) images.push_back(*image);
  }
  MutationCounts counts;
  for (uint64_t seed = 1; seed <= 20000; seed++) {
    Random random(seed);
    auto wrong = take_image(mutate(random.pick_of(images), random), counts);
    if (wrong) FAIL("seed " << seed << ": " << *wrong);
  }
  CHECK(counts.refused > 2000);
  CHECK(counts.harmless > 2000);
  image::ProgramCache::shared().clear();
}

TEST_CASE("images, faults of the original: pc, link register, pending call") {
  Sample sample;
  CHECK(sample.refusal([](auto&) {}).empty());
  for (uint32_t pc : {1u, 8u, 0x100000u, ~0u}) {
    CAPTURE(pc);
    CHECK(mentions(sample.refusal([&](vm::SavedRun& run) { run.state.pc = pc, run.call.reset(); }), "state.pc"));
  }
  CHECK(mentions(sample.refusal([](vm::SavedRun& run) { run.state.pc = 3, run.call.reset(); }), "function that was entered"));
  for (uint32_t return_pc : {0u, 1u, 2u, 4u, 6u, 7u, 8u, ~0u}) {
    CAPTURE(return_pc);
    CHECK(mentions(sample.refusal([&](vm::SavedRun& run) { run.state.frames[0].return_pc = return_pc; }), "frame.returnPc"));
  }
  CHECK(mentions(sample.refusal([](vm::SavedRun& run) { run.state.pc = 5; }), "call.function"));
  for (uint32_t number : {0u, 1u, 5u, 8u, 9u, 65535u}) {
    CAPTURE(number);
    CHECK(mentions(sample.refusal([&](vm::SavedRun& run) { run.call->number = number; }), "call.function"));
  }
  CHECK(mentions(sample.refusal([](vm::SavedRun& run) { run.call->args[1] = 1; }), "call.argument"));
  CHECK(mentions(sample.refusal([](vm::SavedRun& run) { run.state.regs[0] = 1; }), "state.register"));
  CHECK(mentions(sample.refusal([](vm::SavedRun& run) { run.call_number = 0; }), "callNumber"));
}

TEST_CASE("images, faults of the original: page tables, their sizes and offsets") {
  Sample sample;
  const uint8_t byte[] = {1, 2};
  auto stored = [&](uint32_t address, size_t size) {
    return sample.refusal([&](vm::SavedRun& run) { run.stored.push_back({address, {byte, size}}); });
  };
  CHECK(stored(window::kStackBase, 2).empty());
  CHECK(stored(window::kStackBase + 4094, 2).empty());
  for (uint32_t address : {0u, 0x10000u, window::kStackBase - 1, window::kStackBase + 4095, window::kRodataBase, window::kDataBase,
                           window::kMemoryBase, window::kTablesBase, 0xfffffffeu}) {
    CAPTURE(address);
    CHECK(mentions(stored(address, 2), "stored.address"));
  }
  auto overlap = sample.refusal([](vm::SavedRun& run) {
    run.pieces.push_back({"a", 0x40000000, 5000, true});
    run.regions.push_back({"", "r", 0, 0x40001000, 4096, true});
  });
  CHECK(mentions(overlap, "overlap"));
  CHECK(sample.refusal([](vm::SavedRun& run) {
          run.pieces.push_back({"a", 0x40000000, 4096, true});
          run.regions.push_back({"", "r", 0, 0x40001000, 4096, true});
        }).empty());
}

TEST_CASE("images: a count larger than the bytes behind it makes nothing") {
  Sample sample;
  image::Image image;
  image.program = sample.section;
  image.run = sample.run;
  auto bytes = image::encode(image);
  REQUIRE(bytes);
  // Slots, at byte 7 of the program's section.
  std::vector<uint8_t> huge = *bytes;
  store(huge.data() + image::kHeaderSize + 4 + 7, uint32_t{1 << 20});
  image::repair_checksum(huge);
  auto decoded = image::decode(huge);
  REQUIRE(decoded);
  auto program = image::decode_program(decoded->program, decoded->program_offset);
  REQUIRE_FALSE(program);
  CHECK(mentions(program.error().message, "program.slots: expected at most"));
}

TEST_CASE("images: what is not in an image's sets does not go into one") {
  auto program = test::load_program({make(Op::exit)}, &lab_kernel_functions());
  REQUIRE(program);
  CHECK(image::encode_program(**program).error().code == ErrorCode::INVALID_ARGUMENT);
}

TEST_CASE("the program cache keeps the last used, up to its limits") {
  image::ProgramCache cache(2, 4096);
  Sample sample;
  std::vector<std::vector<uint8_t>> sections;
  for (int32_t value : {1, 2, 3}) {
    auto program = test::load_program({make(Op::mov64_imm, {.dst = 0, .imm = value}), make(Op::exit)});
    REQUIRE(program);
    sections.push_back(*image::encode_program(**program));
  }
  auto take = [&](size_t i) {
    auto program = cache.load(sections[i], 0);
    REQUIRE(program);
    cache.keep(sections[i], *program);
    return program->get();
  };
  const auto* first = take(0);
  take(1);
  CHECK(take(0) == first);
  take(2);
  CHECK(cache.n_programs() == 2);
  CHECK(take(0) == first);
  cache.clear();
  CHECK(cache.n_programs() == 0);
  CHECK(cache.n_bytes() == 0);
}
