// Random programs: whatever the bytes, a program is refused or runs within its fuel, leaves what lies past the guards
// alone, and gives the same result in slices of 1 as uninterrupted. Under ASan and UBSan this is what shows that the
// interpreter cannot be made to crash.
#include <sys/mman.h>

#include <cstring>
#include <random>

#include "test/vm_support.h"

using namespace cti;
using namespace cti::vm;
using isa::Form;
using isa::Op;
using test::make;

namespace {

using Random = std::mt19937_64;

uint64_t below(Random& random, uint64_t n) { return random() % n; }

// Interesting numbers, so that addresses and edge cases are hit.
uint64_t number(Random& random) {
  static constexpr uint64_t kNumbers[] = {0,          1,          2,          5,          8,          0xfff,      0x1000,     0x10000,
                                          0x10008,    0x10000000, 0x10000ff8, 0x10000fff, 0x18000000, 0x20000000, 0x30000000, 0x30000ffc,
                                          0x40000000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff, ~0ull,      1ull << 63, 64};
  switch (below(random, 3)) {
    case 0:
      return random();
    case 1:
      return below(random, 100);
    default:
      return kNumbers[below(random, std::size(kNumbers))];
  }
}

// A program that the checker accepts: random rows with random fields, targets mended.
std::vector<isa::Slot> structured(Random& random) {
  uint32_t n = 6 + static_cast<uint32_t>(below(random, 40));
  // r9 points into the memory and is seldom written, so that programs get far.
  std::vector<isa::Slot> slots = {make(Op::lddw, {.dst = 9, .imm = 0x30000800}), test::second_slot()};
  std::vector<bool> is_second = {false, true};
  while (slots.size() < n) {
    const isa::OpInfo& info = isa::kOps[below(random, isa::kNumOps)];
    bool is_rare = info.form == Form::exit || info.form == Form::call_register;
    if (info.form == Form::wide_unlinked || (is_rare && below(random, 4) != 0)) continue;
    const isa::FormInfo& fields = info.fields();
    test::Fields values;
    uint64_t n_written = below(random, 32) == 0 ? 10 : 9;
    if (fields.dst != isa::RegUse::reserved) values.dst = static_cast<uint8_t>(below(random, fields.dst == isa::RegUse::read ? 11 : n_written));
    if (fields.src != isa::RegUse::reserved) values.src = static_cast<uint8_t>(below(random, fields.src == isa::RegUse::read ? 11 : n_written));
    if (fields.imm == isa::ImmUse::value) values.imm = static_cast<int32_t>(number(random));
    if (fields.offset == isa::OffsetUse::memory) {
      // Mostly the stack or the memory, aligned, so that programs get far.
      values.offset = static_cast<int16_t>(below(random, 32) == 0 ? random() : 8 * (below(random, 64) - 64));
      uint8_t base = below(random, 32) == 0 ? static_cast<uint8_t>(below(random, 10)) : below(random, 2) ? 10 : 9;
      (info.form == Form::load ? values.src : values.dst) = base;
    }
    if (info.form == Form::call_number) values.imm = 1 + static_cast<int32_t>(below(random, 4));
    if (info.form == Form::call_import) values.imm = static_cast<int32_t>(below(random, 4));
    slots.push_back(make(info.op, values));
    is_second.push_back(false);
    if (info.is_wide()) {
      slots.push_back(test::second_slot(info.form == Form::wide_imm && below(random, 4) == 0 ? static_cast<int32_t>(random()) : 0));
      is_second.push_back(true);
    }
  }
  slots.push_back(make(Op::exit));
  is_second.push_back(false);
  for (uint32_t pc = 0; pc < slots.size(); pc++) {
    if (is_second[pc]) continue;
    const isa::OpInfo& info = *isa::decode_op(slots[pc]).info;
    bool by_offset = info.fields().offset == isa::OffsetUse::jump;
    if (!by_offset && info.fields().imm != isa::ImmUse::jump && info.form != Form::wide_code) continue;
    uint32_t target;
    do {
      target = static_cast<uint32_t>(below(random, slots.size()));
    } while (is_second[target]);
    int32_t distance = static_cast<int32_t>(target) - static_cast<int32_t>(pc) - 1;
    if (by_offset) {
      slots[pc].offset = static_cast<int16_t>(distance);
    } else {
      slots[pc].imm = distance;
    }
  }
  return slots;
}

// Bytes at random, some of them opcodes.
std::vector<uint8_t> any_bytes(Random& random) {
  std::vector<uint8_t> code(8 * (1 + below(random, 12)) + (below(random, 16) == 0 ? below(random, 8) : 0));
  for (uint8_t& byte : code) byte = static_cast<uint8_t>(random());
  for (size_t i = 0; i < code.size(); i += 8) {
    if (below(random, 4) != 0) code[i] = isa::kOps[below(random, isa::kNumOps)].code;
    if (below(random, 2) != 0 && i + 8 <= code.size()) std::memset(&code[i + 1], 0, 7);
  }
  if (below(random, 2) != 0 && code.size() >= 8) std::memcpy(&code[(code.size() & ~size_t{7}) - 8], "\x95\0\0\0\0\0\0\0", 8);
  return code;
}

// A window with a page right behind each of its guards: the place is reserved with the pages, then all between them is
// given back.
class WindowBetweenCanaries {
 public:
  WindowBetweenCanaries() {
    void* all = mmap(nullptr, kReserved + 2 * sys::kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(all != MAP_FAILED);
    low_ = static_cast<uint8_t*>(all);
    high_ = low_ + sys::kPageSize + kReserved;
    for (uint8_t* page : {low_, high_}) std::memset(page, 0xc7, sys::kPageSize);
    munmap(low_ + sys::kPageSize, kReserved);
    // The kernel may have another hole that it likes better: that one is filled first.
    std::vector<std::unique_ptr<window::Window>> elsewhere;
    for (int i = 0; i < 64; i++) {
      auto created = window::Window::create();
      REQUIRE(created);
      window_ = *std::move(created);
      if (window_->view().base - window::Window::kGuardSize == low_ + sys::kPageSize) return;
      elsewhere.push_back(std::move(window_));
    }
    REQUIRE_MESSAGE(false, "no window came to lie between the pages");
  }
  ~WindowBetweenCanaries() {
    for (uint8_t* page : {low_, high_}) munmap(page, sys::kPageSize);
  }
  window::Window& window() { return *window_; }
  bool are_unchanged() const {
    for (const uint8_t* page : {low_, high_}) {
      for (size_t i = 0; i < sys::kPageSize; i++) {
        if (page[i] != 0xc7) return false;
      }
    }
    return true;
  }

 private:
  static constexpr size_t kReserved = window::kWindowSize + 2 * window::Window::kGuardSize;
  uint8_t* low_;
  uint8_t* high_;
  std::unique_ptr<window::Window> window_;
};

struct Outcome {
  Stop stop;
  uint64_t fuel_used;
  State state;
  std::vector<uint8_t> bytes;  // stack, data and memory
};

Outcome run_in_slices(const std::shared_ptr<const Program>& program, const RunOptions& options, int64_t fuel, int64_t slice) {
  auto run = test::start(program, options);
  Outcome outcome{};
  do {
    outcome.stop = run->step(slice);
    outcome.fuel_used += outcome.stop.fuel_used;
  } while (outcome.stop.kind == Stop::Kind::out_of_fuel && outcome.fuel_used < static_cast<uint64_t>(fuel));
  outcome.state = run->state();
  for (uint32_t base : {window::kStackBase, window::kDataBase, window::kMemoryBase}) {
    const uint8_t* at = run->window().range(base, 4096, window::Intent::read);
    REQUIRE(at);
    outcome.bytes.insert(outcome.bytes.end(), at, at + 4096);
  }
  return outcome;
}

bool same(const Outcome& a, const Outcome& b) {
  return a.stop.kind == b.stop.kind && a.stop.trap == b.stop.trap && a.stop.pc == b.stop.pc && a.stop.address == b.stop.address &&
         a.stop.r0 == b.stop.r0 && a.fuel_used == b.fuel_used && a.state.regs == b.state.regs && a.state.depth == b.state.depth &&
         a.bytes == b.bytes;
}

}  // namespace

TEST_CASE("20,000 programs of random bytes are refused or end within their fuel") {
  Random random(20250101);
  WindowBetweenCanaries canaries;
  REQUIRE(canaries.window().map_anonymous(window::kStackBase, window::kStackSize, window::kWindowSize, "stack"));
  Environment env{canaries.window(), {}};
  unsigned n_refused = 0, n_run = 0;
  for (int i = 0; i < 20000; i++) {
    ProgramSpec spec;
    spec.code = any_bytes(random);
    spec.kernel_functions = find_kernel_set(below(random, 2) ? "conformance" : "ctinspector");
    auto program = Program::load(std::move(spec));
    if (!program) {
      n_refused++;
      REQUIRE(program.error().message.find("at pc ") != std::string::npos);
      continue;
    }
    n_run++;
    State state = State::at_entry(0, {number(random), number(random), number(random), number(random), number(random)});
    Stop stop = make_interpreter(*program)->run(state, env, 1000);
    REQUIRE((stop.kind != Stop::Kind::out_of_fuel || stop.fuel_used >= 1000));
  }
  CHECK(n_refused > 1000);
  CHECK(n_run > 1000);
  CHECK(canaries.are_unchanged());
}

TEST_CASE("20,000 structured programs: slices of 1 give what an uninterrupted run gives") {
  Random random(42);
  std::vector<uint8_t> memory(4096);
  unsigned kinds[4] = {};
  for (int i = 0; i < 20000; i++) {
    CAPTURE(i);
    ProgramSpec spec;
    spec.code = test::encode(structured(random));
    bool is_conformance = below(random, 4) == 0;
    spec.kernel_functions = find_kernel_set(is_conformance ? "conformance" : "ctinspector");
    if (is_conformance) {
      // Its numbers are others than those structured() chose.
      for (size_t at = 0; at < spec.code.size(); at += 8) {
        if (spec.code[at] == 0x85 && spec.code[at + 1] == 0) store(&spec.code[at + 4], below(random, 2) ? 1 : 5);
      }
      spec.imports = {{"add_one", 1}, {"unwind", 1}, {"add_one", 1}, {"unwind", 1}};
    } else {
      spec.imports = {{"table_open", 1}, {"topk_offer", 1}, {"pairs_sort", 1}, {"group_add", 1}};
    }
    spec.bss_size = 4096;
    spec.rodata.resize(10);
    auto program = Program::load(std::move(spec));
    REQUIRE_MESSAGE(program, program.error().message);
    for (uint8_t& byte : memory) byte = static_cast<uint8_t>(below(random, 4) ? 0 : random());
    RunOptions options{.memory = memory};
    options.tables.push_back({.name = "t", .n_rows = 3});
    options.args = {number(random), 0x30000100, number(random), 0x20000000, number(random)};
    Outcome whole = run_in_slices(*program, options, 2000, 2000);
    Outcome sliced = run_in_slices(*program, options, 2000, 1);
    REQUIRE(same(whole, sliced));
    kinds[static_cast<int>(whole.stop.kind)]++;
  }
  MESSAGE("exited " << kinds[0] << ", trapped " << kinds[1] << ", out of fuel " << kinds[2]);
  CHECK(kinds[0] > 2000);
  CHECK(kinds[1] > 1000);
  CHECK(kinds[2] > 1000);
}

TEST_CASE("structured programs leave what lies past the guards alone") {
  Random random(7);
  for (int batch = 0; batch < 10; batch++) {
    WindowBetweenCanaries canaries;
    for (uint32_t base : {0x10000u, 0x10000000u, 0x30000000u, 0x7ffff000u, 0xfffff000u}) {
      REQUIRE(canaries.window().map_anonymous(base, 4096, window::kWindowSize, "page"));
    }
    Environment env{canaries.window(), {}};
    for (int i = 0; i < 500; i++) {
      auto program = test::load_program(structured(random), find_kernel_set("ctinspector"),
                                        {{"table_open", 1}, {"topk_offer", 1}, {"pairs_sort", 1}, {"group_add", 1}});
      REQUIRE(program);
      State state = State::at_entry(0, {});
      for (unsigned reg = 0; reg < 10; reg++) state.regs[reg] = number(random);
      make_interpreter(*program)->run(state, env, 500);
    }
    REQUIRE(canaries.are_unchanged());
  }
}
