#include <cstring>

#include "test/vm_support.h"

using namespace cti;
using namespace cti::vm;
using isa::Op;
using test::load_program;
using test::make;
using test::start;

namespace {

std::shared_ptr<const Program> must_load(const std::vector<isa::Slot>& slots, const KernelSet* set = find_kernel_set("conformance"),
                                         std::vector<Import> imports = {}) {
  auto program = load_program(slots, set, std::move(imports));
  REQUIRE_MESSAGE(program, program.error().message);
  return *program;
}

// r0 counts to 'n', in a loop of 3 slots.
std::vector<isa::Slot> loop(int32_t n) {
  return {
      make(Op::mov64_imm, {.dst = 0, .imm = 0}),
      make(Op::add64_imm, {.dst = 0, .imm = 1}),
      make(Op::add64_imm, {.dst = 1, .imm = 2}),
      make(Op::jne64_imm, {.dst = 0, .offset = -3, .imm = n}),
      make(Op::exit),
  };
}

KernelResult test_suspend(Environment&, const KernelArgs& args) { return {KernelResult::Kind::suspend, args[0], 7}; }
KernelResult test_trap(Environment&, const KernelArgs&) { return {KernelResult::Kind::trap, 0, 2}; }
KernelResult test_sum(Environment&, const KernelArgs& args) {
  return answer(args[0] + 10 * args[1] + 100 * args[2] + 1000 * args[3] + 10000 * args[4], args[0]);
}
constexpr KernelFunction kTestFunctions[] = {
    {3, "suspend", 1, test_suspend}, {4, "trap", 2, test_trap}, {65535, "sum", 1, test_sum}};
const KernelSet kTestSet("test", kTestFunctions);

}  // namespace

TEST_CASE("fuel: a taken backward jump charges from its target to itself; an end costs nothing") {
  auto run = start(must_load(loop(5)));
  Stop stop = run->step(1000);
  CHECK(stop.kind == Stop::Kind::exited);
  CHECK(stop.r0 == 5);
  CHECK(stop.pc == 4);
  CHECK(stop.fuel_used == 4 * 3);
}

TEST_CASE("fuel: it stops at the jump's target, when what is left is 0 or less") {
  for (auto [fuel, passes] : {std::pair{1, 1}, {3, 1}, {4, 2}, {6, 2}, {7, 3}, {12, 4}}) {
    CAPTURE(fuel);
    auto run = start(must_load(loop(5)));
    Stop stop = run->step(fuel);
    REQUIRE(stop.kind == Stop::Kind::out_of_fuel);
    CHECK(stop.pc == 1);
    CHECK(run->state().pc == 1);
    CHECK(stop.fuel_used == uint64_t(passes) * 3);
    CHECK(run->state().regs[0] == uint64_t(passes));
  }
  CHECK(start(must_load(loop(5)))->step(13).kind == Stop::Kind::exited);
}

TEST_CASE("fuel: every shape of endless loop stops within a slice") {
  const std::vector<std::vector<isa::Slot>> loops = {
      {make(Op::ja, {.offset = -1})},
      {make(Op::gotol, {.imm = -1})},
      {make(Op::jeq64_imm, {.offset = -1}), make(Op::exit)},
      {make(Op::jset32_imm, {.dst = 10, .offset = -1, .imm = -1}), make(Op::exit)},
      {make(Op::jle64_reg, {.offset = -1}), make(Op::exit)},
      {make(Op::ja, {.offset = 1}), make(Op::gotol, {.imm = 0}), make(Op::ja, {.offset = -2})},
      // A function called for ever: forward and backward, and through callx.
      {make(Op::call_local, {.imm = 1}), make(Op::ja, {.offset = -2}), make(Op::exit)},
      {make(Op::ja, {.offset = 1}), make(Op::exit), make(Op::call_local, {.imm = -2}), make(Op::ja, {.offset = -2})},
      {make(Op::mov64_imm, {.dst = 6, .imm = 1}), make(Op::callx, {.dst = 6}), make(Op::ja, {.offset = -2})},
  };
  for (size_t i = 0; i < loops.size(); i++) {
    CAPTURE(i);
    auto run = start(must_load(loops[i]));
    uint64_t used = 0;
    for (int slice = 0; slice < 100; slice++) {
      Stop stop = run->step(1000);
      REQUIRE(stop.kind == Stop::Kind::out_of_fuel);
      REQUIRE(stop.fuel_used >= 1000);
      REQUIRE(stop.fuel_used < 1010);
      used += stop.fuel_used;
    }
    CHECK(used >= 100000);
  }
}

TEST_CASE("fuel: entering a function charges its length, and stops with the frame entered") {
  std::vector<isa::Slot> slots = {
      make(Op::mov64_imm, {.dst = 6, .imm = 9}),
      make(Op::call_local, {.imm = 1}),
      make(Op::exit),
      make(Op::mov64_imm, {.dst = 6, .imm = 1}),
      make(Op::mov64_imm, {.dst = 0, .imm = 4}),
      make(Op::exit),
  };
  auto run = start(must_load(slots));
  Stop stop = run->step(3);
  REQUIRE(stop.kind == Stop::Kind::out_of_fuel);
  CHECK(stop.pc == 3);
  CHECK(stop.fuel_used == 3);
  CHECK(run->state().depth == 1);
  CHECK(run->state().regs[10] == window::frame_pointer(1));
  stop = run->step(1);
  CHECK(stop.kind == Stop::Kind::exited);
  CHECK(stop.fuel_used == 0);
  CHECK(run->state().regs[6] == 9);
  stop = start(must_load(slots))->step(4);
  CHECK(stop.kind == Stop::Kind::exited);
}

TEST_CASE("fuel: a short function that goes on into a long one pays for both") {
  constexpr uint16_t kLong = 30000;
  // 0: call 5 | 1: goto 0 | 2: address of 6, never run, so that the function at 5 is one slot | 4: exit | 5: how it goes on
  // 6: kLong slots and an exit.
  const isa::Slot ways[] = {make(Op::ja, {.offset = 1}), make(Op::gotol, {.imm = 1}),
                            make(Op::jeq64_reg, {.offset = 1}), make(Op::mov64_imm, {.dst = 1})};
  for (const isa::Slot& way : ways) {
    CAPTURE(int{way.code});
    std::vector<isa::Slot> slots = {
        make(Op::call_local, {.imm = 4}),
        make(Op::ja, {.offset = -2}),
        make(Op::lddw_code, {.dst = 1, .imm = 3}),
        test::second_slot(),
        make(Op::exit),
        way,
    };
    for (int i = 0; i < kLong; i++) slots.push_back(make(Op::mov64_imm, {.dst = 0, .imm = i}));
    slots.push_back(make(Op::exit));
    auto run = start(must_load(slots));
    Stop stop = run->step(1);
    REQUIRE(stop.kind == Stop::Kind::out_of_fuel);
    CHECK(stop.pc == 5);
    CHECK(stop.fuel_used == 1 + kLong + 1);
    stop = run->step(1'000'000);
    CHECK(stop.kind == Stop::Kind::out_of_fuel);
    CHECK(stop.fuel_used < 1'000'000 + kLong + 2 + 2);
    CHECK(run->step(1).fuel_used <= kLong + 2 + 2);
  }
}

TEST_CASE("fuel: what a function can come to counts through others, backward and in circles") {
  // Functions 0 (0), 1 (3), 2 (5), 3 (7), 4 (8): 1 goes back to itself or on to 3, 2 to 1, 3 to 2; 4 keeps to itself.
  std::vector<isa::Slot> slots = {
      make(Op::call_local, {.imm = 2}), make(Op::call_local, {.imm = 6}), make(Op::exit),
      make(Op::jeq64_imm, {.offset = -1}), make(Op::ja, {.offset = 2}),
      make(Op::jeq64_imm, {.offset = -3}), make(Op::exit),
      make(Op::ja, {.offset = -3}),
      make(Op::mov64_imm), make(Op::exit),
  };
  const uint32_t more[] = {5, 7};
  auto code = isa::check(test::encode(slots), 0, more);
  REQUIRE(code);
  std::vector<uint32_t> reach;
  for (const isa::Function& function : code->functions) reach.push_back(function.reach);
  CHECK(reach == std::vector<uint32_t>{3, 5, 3, 1, 2});
}

TEST_CASE("fuel: a kernel function charges after it ran, and stops after the call") {
  std::vector<isa::Slot> slots = {
      make(Op::mov64_imm, {.dst = 1, .imm = 5}),
      make(Op::mov64_imm, {.dst = 2, .imm = 2}),
      make(Op::call, {.imm = 65535}),
      make(Op::exit),
  };
  auto run = start(must_load(slots, &kTestSet));
  Stop stop = run->step(5);
  REQUIRE(stop.kind == Stop::Kind::out_of_fuel);
  CHECK(stop.pc == 3);
  CHECK(stop.fuel_used == 5);
  CHECK(run->state().regs[0] == 25);
  CHECK(run->state().regs[1] == 0);
  CHECK(run->state().regs[2] == 0);
  CHECK(run->step(1).r0 == 25);
  CHECK(start(must_load(slots, &kTestSet))->step(6).kind == Stop::Kind::exited);
}

TEST_CASE("fuel: a charge larger than what is left is paid once") {
  auto run = start(must_load({make(Op::mov64_imm, {.dst = 1, .imm = INT32_MAX}), make(Op::call, {.imm = 65535}),
                              make(Op::call, {.imm = 65535}), make(Op::exit)},
                             &kTestSet));
  Stop stop = run->step(1);
  CHECK(stop.kind == Stop::Kind::out_of_fuel);
  CHECK(stop.fuel_used == INT32_MAX);
  CHECK(run->step(1).kind == Stop::Kind::exited);
}

TEST_CASE("a kernel function that answers later suspends after the call, and resumes with the answer") {
  auto program = must_load({make(Op::mov64_imm, {.dst = 1, .imm = 5}), make(Op::call_import, {.imm = 0}),
                            make(Op::add64_imm, {.dst = 0, .imm = 1}), make(Op::exit)},
                           &kTestSet, {{"suspend", 1}});
  auto engine = make_interpreter(program);
  auto window = window::Window::create();
  REQUIRE(window);
  Environment env{**window, {}};
  State state = State::at_entry(0, {});
  Stop stop = engine->run(state, env, 7);
  REQUIRE(stop.kind == Stop::Kind::suspended);
  CHECK(stop.pc == 2);
  CHECK(stop.fuel_used == 7);
  CHECK(state.regs[1] == 0);
  state.regs[0] = 41;
  stop = engine->run(state, env, 1);
  CHECK(stop.kind == Stop::Kind::exited);
  CHECK(stop.r0 == 42);
}

TEST_CASE("a kernel function can stop a program; versions and numbers are looked up exactly") {
  auto run = start(must_load({make(Op::call, {.imm = 4}), make(Op::exit)}, &kTestSet));
  Stop stop = run->step(10);
  CHECK(stop.kind == Stop::Kind::trapped);
  CHECK(stop.trap == TrapKind::kernel_function);
  CHECK(stop.pc == 0);
  CHECK(stop.fuel_used == 2);
  std::vector<isa::Slot> import = {make(Op::call_import, {.imm = 0}), make(Op::exit)};
  CHECK(load_program(import, &kTestSet, {{"trap", 2}}));
  auto unresolved = load_program(import, &kTestSet, {{"trap", 1}});
  REQUIRE_FALSE(unresolved);
  CHECK(unresolved.error().code == ErrorCode::PROGRAM_UNRESOLVED);
  CHECK_FALSE(load_program({make(Op::call, {.imm = 5}), make(Op::exit)}, &kTestSet));
  CHECK(find_kernel_set("nothing") == nullptr);
}

TEST_CASE("callx: numbers up to 65535 are kernel functions, the first code address is 65536") {
  auto program = must_load({make(Op::callx, {.dst = 6}), make(Op::exit)}, &kTestSet);
  auto engine = make_interpreter(program);
  auto window = window::Window::create();
  REQUIRE(window);
  Environment env{**window, {}};
  auto call = [&](uint64_t value) {
    State state = State::at_entry(0, {1, 1, 1, 1, 1});
    state.regs[6] = value;
    return engine->run(state, env, 100);
  };
  CHECK(call(65535).r0 == 11111);
  CHECK(call(4).trap == TrapKind::kernel_function);
  for (uint64_t value : {0ull, 1ull, 5ull, 65534ull, 65540ull, 65544ull, 0x1'0000'0004ull, 0x1'0000'ffffull, ~0ull}) {
    CAPTURE(value);
    Stop stop = call(value);
    CHECK(stop.trap == TrapKind::bad_call_target);
    CHECK(stop.address == static_cast<uint32_t>(value));
    CHECK(stop.pc == 0);
  }
  CHECK(call(65536).trap == TrapKind::stack_overflow);
}

TEST_CASE("a state is plain: another engine of the same program, another window, resume it") {
  auto program = must_load({
      make(Op::stdw, {.dst = 10, .offset = -8, .imm = 3}),
      make(Op::mov64_imm, {.dst = 0, .imm = 0}),
      make(Op::ldxdw, {.dst = 2, .src = 10, .offset = -8}),
      make(Op::add64_reg, {.dst = 0, .src = 2}),
      make(Op::add64_imm, {.dst = 3, .imm = 1}),
      make(Op::jne64_imm, {.dst = 3, .offset = -4, .imm = 100}),
      make(Op::exit),
  });
  State state = State::at_entry(0, {});
  auto window = window::Window::create();
  REQUIRE((*window)->map_anonymous(window::kStackBase, window::kStackSize, window::kWindowSize, "stack"));
  for (;;) {
    Environment env{**window, {}};
    Stop stop = make_interpreter(program)->run(state, env, 1);
    if (stop.kind == Stop::Kind::exited) {
      CHECK(stop.r0 == 300);
      break;
    }
    REQUIRE(stop.kind == Stop::Kind::out_of_fuel);
    auto next = window::Window::create();
    Bytes stack{(*window)->range(window::kStackBase, window::kStackSize, window::Intent::read), window::kStackSize};
    REQUIRE((*next)->map_copy(window::kStackBase, stack, window::Access::read_write, window::kWindowSize, "stack"));
    window = std::move(next);
  }
}

TEST_CASE("run: data, bss, read-only data and memory lie where the ABI says") {
  ProgramSpec spec;
  spec.code = test::encode({
      make(Op::lddw, {.dst = 3, .imm = 0x20000000}), test::second_slot(),
      make(Op::ldxb, {.dst = 0, .src = 3, .offset = 2}),
      make(Op::stb, {.dst = 3, .offset = 8, .imm = 1}),
      make(Op::lddw, {.dst = 4, .imm = 0x18000000}), test::second_slot(),
      make(Op::ldxb, {.dst = 4, .src = 4, .offset = 1}),
      make(Op::add64_reg, {.dst = 0, .src = 4}),
      make(Op::add64_reg, {.dst = 0, .src = 2}),
      make(Op::exit),
  });
  spec.kernel_functions = find_kernel_set("conformance");
  spec.data = {1, 2, 3};
  spec.bss_size = 5000;
  spec.rodata = {10, 20};
  auto program = Program::load(std::move(spec));
  REQUIRE(program);
  CHECK((*program)->data_size() == 8 + 5000);
  std::vector<uint8_t> memory(100);
  auto run = start(*program, {.memory = memory});
  Stop stop = run->step(1);
  CHECK(stop.kind == Stop::Kind::exited);
  CHECK(stop.r0 == 3 + 20 + 100);
  window::Window& window = run->window();
  CHECK(*window.range(0x20000008, 1, window::Intent::read) == 1);
  CHECK(window.check(0x20000000, 8192, window::Intent::write) == window::Denial::none);
  CHECK(window.check(0x20000000, 8193, window::Intent::read) == window::Denial::unmapped);
  CHECK(window.check(0x18000000, 1, window::Intent::write) == window::Denial::read_only);
  CHECK(window.check(0x30000000, 4096, window::Intent::write) == window::Denial::none);
}

TEST_CASE("run: data and bss together larger than 64 bits can say are refused") {
  for (uint64_t bss_size : {UINT64_MAX, UINT64_MAX - 5000, UINT64_MAX - 4999, uint64_t{1} << 32, uint64_t{0x10000000} - 5000 + 1}) {
    CAPTURE(bss_size);
    vm::ProgramSpec spec;
    spec.code = test::encode({make(Op::exit)});
    spec.kernel_functions = vm::find_kernel_set("conformance");
    spec.data.assign(5000, 1);
    spec.bss_size = bss_size;
    auto program = vm::Program::load(std::move(spec));
    REQUIRE(program);
    auto run = vm::Run::start(*program, vm::make_interpreter(*program), {});
    REQUIRE_FALSE(run);
    CHECK(run.error().code == ErrorCode::WINDOW_FULL);
  }
}
