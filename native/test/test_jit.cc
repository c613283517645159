// Compiled code against the interpreter, and the tests against compilers with deliberate errors.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "test/vm_support.h"
#include "tools/differential/contest.h"
#include "tools/differential/random.h"

using namespace cti;
using namespace cti::differential;
using isa::Op;
using test::make;

namespace {

std::shared_ptr<const vm::Engine> compile(std::shared_ptr<const vm::Program> program, jit::Options options = {}) {
  auto engine = jit::make_jit(std::move(program), options);
  REQUIRE(engine);
  return *engine;
}

// The first difference that a compiler with 'mutation' shows within 'n' programs, with its seed.
std::optional<std::string> first_difference(jit::Mutation mutation, uint64_t n) {
  auto contest = Contest::create(mutation);
  if (!contest) return contest.error().message;
  for (uint64_t seed = 1; seed <= n; seed++) {
    if (auto difference = (*contest)->run(seed)) return "seed " + std::to_string(seed) + ": " + *difference;
  }
  if (!(*contest)->canaries_are_whole()) return "a canary past a guard was overwritten";
  return {};
}

// The same in a process of its own, as wrong code may do anything: also a crash or not coming back is caught.
bool is_caught(jit::Mutation mutation) {
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    // A sanitizer's report would look like a failure of this test.
    if (!std::freopen("/dev/null", "w", stderr)) _exit(3);
    _exit(first_difference(mutation, 3000) ? 1 : 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return !WIFEXITED(status) || WEXITSTATUS(status) == 1;
}

}  // namespace

TEST_CASE("20,000 random programs: every engine, every kind of code, the same") {
  auto contest = Contest::create();
  REQUIRE(contest);
  unsigned n_stops = 0;
  std::map<std::string, unsigned> ends;
  for (uint64_t seed = 1; seed <= 20000; seed++) {
    auto difference = (*contest)->run(seed);
    n_stops += (*contest)->n_stops();
    ends[(*contest)->end_of_last()]++;
    if (!difference) continue;
    FAIL("seed " << seed << ": " << *difference << "; replay: differential --seed " << seed);
  }
  CHECK((*contest)->canaries_are_whole());
  CHECK(n_stops > 50000);
  for (std::string end : {"exited", "out_of_fuel", "unmapped", "read_only", "misaligned_atomic", "stack_overflow", "bad_call_target",
                          "kernel_function", "end_of_program"}) {
    CAPTURE(end);
    CHECK(ends[end] > 0);
  }
}

TEST_CASE("a compiler with an error is caught") {
  CHECK_FALSE(is_caught(jit::Mutation::none));
  CHECK(is_caught(jit::Mutation::zero_extension_dropped));
  CHECK(is_caught(jit::Mutation::wrong_base));
  CHECK(is_caught(jit::Mutation::wrong_scale));
  CHECK(is_caught(jit::Mutation::fuel_check_missing));
  CHECK(is_caught(jit::Mutation::branch_off_by_one));
}

TEST_CASE("compiled code is what runs, and each slot that can be gone on from has its own") {
  auto program = test::load_program({make(Op::mov64_imm, {.dst = 0, .imm = 7}), make(Op::exit)});
  REQUIRE(program);
  auto engine = compile(*program);
  jit::Listing listing = jit::listing(*engine);
  CHECK(listing.code.size() > 5);
  REQUIRE(listing.offsets.size() == 3);
  // mov eax, 7
  CHECK(std::vector<uint8_t>(listing.code.begin(), listing.code.begin() + 5) == std::vector<uint8_t>{0xb8, 7, 0, 0, 0});
  CHECK(jit::listing(*vm::make_interpreter(*program)).code.empty());
}

TEST_CASE("a short function that goes on into a long one costs the same in every engine") {
  std::vector<isa::Slot> slots = {
      make(Op::call_local, {.imm = 4}), make(Op::ja, {.offset = -2}),
      make(Op::lddw_code, {.dst = 1, .imm = 3}), test::second_slot(), make(Op::exit),
      make(Op::ja, {.offset = 1}),  // a function of one slot: the next is another's entry
  };
  for (int i = 0; i < 1000; i++) slots.push_back(make(Op::mov64_imm, {.dst = 0, .imm = i}));
  slots.push_back(make(Op::exit));
  auto program = test::load_program(slots);
  REQUIRE(program);
  for (auto engine : {vm::make_interpreter(*program), compile(*program)}) {
    auto run = vm::Run::start(*program, engine, {});
    REQUIRE(run);
    vm::Stop stop = (*run)->step(1);
    CHECK(stop.kind == vm::Stop::Kind::out_of_fuel);
    CHECK(stop.pc == 5);
    CHECK(stop.fuel_used == 1002);
    CHECK((*run)->step(100'000).fuel_used == 100'000 / 1004 * 1004 + 1004);
  }
}

TEST_CASE("states that no engine left are run as the interpreter runs them") {
  auto contest = Contest::create();
  REQUIRE(contest);
  Random random(99);
  for (uint64_t seed = 1; seed <= 3000; seed++) {
    auto program = vm::Program::load(generate(seed));
    REQUIRE(program);
    auto contenders = (*contest)->contenders(*program);
    REQUIRE(contenders);
    vm::State state;
    for (uint64_t& reg : state.regs) reg = random.one_in(2) ? random.next() : random.below(1 << 20);
    state.depth = random.below(8);
    if (random.one_in(2)) state.regs[isa::kFramePointer] = window::frame_pointer(state.depth);
    std::vector<uint32_t> starts, returns;
    for (uint32_t pc = 0; pc < (*program)->n_slots(); pc++) {
      starts.push_back(pc);
      if (isa::op_info((*program)->code().ops[pc]).is_wide()) pc++;
      returns.push_back(pc + 1);
    }
    state.pc = random.pick_of(starts);
    for (unsigned i = 0; i < state.depth; i++) {
      for (uint64_t& reg : state.frames[i].saved) reg = random.one_in(2) ? state.regs[6] : random.next();
      state.frames[i].return_pc = random.pick_of(returns);
    }
    auto difference = (*contest)->lab().compare_from(state, *contenders, seed, {});
    if (difference) FAIL("seed " << seed << ": " << *difference);
  }
}

TEST_CASE("branches reach as far as their fields say, and no farther") {
  auto contest = Contest::create();
  REQUIRE(contest);
  for (int32_t n : {1, 30, 31, 32, 33, 63, 64, 126, 127, 128, 129, 32764, 32767, 65536, 200000}) {
    std::vector<isa::Slot> slots = {make(Op::mov64_imm, {.dst = 0, .imm = 1}), make(Op::mov64_imm, {.dst = 6, .imm = 4})};
    // Round: over n slots of filler and back to the head, four times; the last time through the filler.
    const int32_t head = 2;
    slots.push_back(make(Op::add64_imm, {.dst = 6, .imm = -1}));
    slots.push_back(make(Op::jeq64_imm, {.dst = 6, .offset = 1, .imm = 0}));
    slots.push_back(n <= 32767 ? make(Op::ja, {.offset = static_cast<int16_t>(n)}) : make(Op::gotol, {.imm = n}));
    for (int32_t i = 0; i < n; i++) slots.push_back(make(Op::add64_imm, {.dst = 0, .imm = i & 7}));
    slots.push_back(make(Op::lsh64_imm, {.dst = 0, .imm = 1}));
    auto back = head - static_cast<int32_t>(slots.size()) - 1;
    if (back >= -32768) {
      slots.push_back(make(Op::jsgt64_imm, {.dst = 6, .offset = static_cast<int16_t>(back), .imm = 0}));
    } else {
      slots.push_back(make(Op::jsle64_imm, {.dst = 6, .offset = 1, .imm = 0}));
      slots.push_back(make(Op::gotol, {.imm = back - 1}));
    }
    slots.push_back(make(Op::exit));
    auto program = test::load_program(slots);
    REQUIRE(program);
    auto difference = (*contest)->run(*program, static_cast<uint64_t>(n), {24, 1 << 20});
    CAPTURE(n);
    CHECK_FALSE(difference);
    if (difference) MESSAGE(*difference);
    CHECK((*contest)->end_of_last() == "exited");
  }
}

TEST_CASE("a program of the largest size is compiled and runs") {
  std::vector<isa::Slot> slots(isa::kMaxSlots - 1, make(Op::add64_imm, {.dst = 0, .imm = 3}));
  slots.push_back(make(Op::exit));
  auto program = test::load_program(slots);
  REQUIRE(program);
  auto contest = Contest::create();
  REQUIRE(contest);
  CHECK_FALSE((*contest)->run(*program, 1));
  CHECK((*contest)->lab().last_stop().r0 == 3 * (isa::kMaxSlots - 1));
}

TEST_CASE("endless loops of every shape stop within their fuel, at every slice") {
  const std::vector<std::vector<isa::Slot>> shapes = {
      {make(Op::ja, {.offset = -1})},
      {make(Op::gotol, {.imm = -1})},
      {make(Op::jeq64_imm, {.offset = -1}), make(Op::exit)},
      {make(Op::jeq32_reg, {.dst = 3, .src = 3, .offset = -1}), make(Op::exit)},
      {make(Op::ja, {.offset = 1}), make(Op::ja, {.offset = -2}), make(Op::jge64_imm, {.dst = 1, .offset = -2}), make(Op::exit)},
      {make(Op::call_local, {.imm = 1}), make(Op::ja, {.offset = -2}), make(Op::exit)},
      {make(Op::call, {.imm = 1}), make(Op::ja, {.offset = -2})},
      {make(Op::lddw_code, {.dst = 1, .imm = 3}), test::second_slot(), make(Op::callx, {.dst = 1}), make(Op::ja, {.offset = -4}),
       make(Op::exit)},
      // Round through the end of one function and the start of the next.
      {make(Op::call_local, {.imm = 1}), make(Op::exit), make(Op::ja, {.offset = -2}), make(Op::call_local, {.imm = -2})},
  };
  auto contest = Contest::create();
  REQUIRE(contest);
  for (size_t i = 0; i < shapes.size(); i++) {
    CAPTURE(i);
    auto program = test::load_program(shapes[i], &lab_kernel_functions());
    REQUIRE(program);
    for (int64_t slice : {1, 2, 3, 50}) {
      auto difference = (*contest)->run(*program, i, {100, slice});
      CHECK_FALSE(difference);
      if (difference) MESSAGE(*difference);
    }
  }
}

TEST_CASE("threads run and trap side by side") {
  auto program = test::load_program({make(Op::ldxdw, {.dst = 0, .src = 1}), make(Op::exit)});
  REQUIRE(program);
  auto engine = compile(*program);
  std::atomic<unsigned> n_right = 0;
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < 4; id++) {
    threads.emplace_back([&, id] {
      auto bench = Bench::create();
      if (!bench) return;
      (*bench)->reset(id);
      uint64_t expected = load<uint64_t>((*bench)->window().view().base + window::kMemoryBase);
      vm::Environment env{(*bench)->window(), {}};
      for (unsigned i = 0; i < 500; i++) {
        vm::State state = vm::State::at_entry(0, {i % 2 ? window::kMemoryBase : 0x5000 + id});
        vm::Stop stop = engine->run(state, env, 10);
        n_right += i % 2 ? stop.kind == vm::Stop::Kind::exited && stop.r0 == expected
                         : stop.kind == vm::Stop::Kind::trapped && stop.address == 0x5000 + id;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(n_right == 2000);
}

TEST_CASE("code memory goes back to the arena, and is never writable and executable at one address") {
  auto code_mappings = [] {
    std::ifstream maps("/proc/self/maps");
    unsigned n = 0;
    for (std::string line; std::getline(maps, line);) {
      size_t at = line.find(' ');
      std::string access = line.substr(at + 1, 4);
      CHECK_FALSE((access[1] == 'w' && access[2] == 'x'));
      n += access[2] == 'x' && access[3] == 's';
    }
    return n;
  };
  std::vector<std::shared_ptr<const vm::Engine>> engines;
  auto make_some = [&] {
    for (uint64_t seed = 1; seed <= 2000; seed++) {
      auto program = vm::Program::load(generate(seed));
      REQUIRE(program);
      engines.push_back(compile(*program));
    }
    unsigned n = code_mappings();
    engines.clear();
    return n;
  };
  unsigned with_all = make_some();
  CHECK(with_all > 1);
  unsigned with_none = code_mappings();
  CHECK(with_none < with_all);
  CHECK(make_some() == with_all);
  CHECK(code_mappings() == with_none);
}
