// The boundary sweep: every instruction that touches memory, with every pair of registers, offsets and addresses at the edges of what
// 16, 31, 32 and 64 bits hold. What is expected is computed here from the Guest ABI's words alone.
#include <optional>

#include "test/vm_support.h"

using namespace cti;
using namespace cti::vm;
using isa::Form;
using isa::Op;
using test::make;

namespace {

struct Memory {
  Op op;
  unsigned size;
  bool base_is_src;
  bool writes;
  bool is_atomic;
};

std::vector<Memory> memory_ops() {
  std::vector<Memory> ops;
  for (unsigned i = 0; i < isa::kNumOps; i++) {
    const isa::OpInfo& info = isa::kOps[i];
    if (info.fields().offset != isa::OffsetUse::memory) continue;
    bool is_load = info.form == Form::load;
    bool is_atomic = info.form != Form::load && info.form != Form::store_imm && info.form != Form::store_reg;
    unsigned sizes[] = {4, 2, 1, 8};
    ops.push_back({info.op, sizes[info.code >> 3 & 3], is_load, !is_load, is_atomic});
  }
  return ops;
}

// Pages of the sweep's window: [start, end) writable or not.
struct Area {
  uint64_t start;
  uint64_t end;
  bool writable;
};
constexpr Area kAreas[] = {
    {0x10000, 0x11000, true},             // what -32768 and 32767 reach from the low edge
    {0x7ffff000, 0x80000000, false},      // below 2^31
    {0x80000000, 0x80001000, true},       // from 2^31 on
    {0xffff8000, 0xffff9000, true},       // what -32768 reaches from 2^32
    {0xfffff000, 0x100000000, true},      // the last page
};

std::optional<TrapKind> expected_trap(const Memory& memory, uint32_t address) {
  if (memory.is_atomic && address % memory.size != 0) return TrapKind::misaligned_atomic;
  bool all_writable = true;
  for (uint64_t byte = address; byte < uint64_t{address} + memory.size; byte++) {
    bool mapped = false;
    for (const Area& area : kAreas) {
      if (byte < area.start || byte >= area.end) continue;
      mapped = true;
      all_writable = all_writable && area.writable;
    }
    if (!mapped) return TrapKind::unmapped;
  }
  if (memory.writes && !all_writable) return TrapKind::read_only;
  return std::nullopt;
}

}  // namespace

TEST_CASE("boundary sweep") {
  auto created = window::Window::create();
  REQUIRE(created);
  window::Window& window = **created;
  std::vector<uint8_t> page(4096, 0xa5);
  for (const Area& area : kAreas) {
    auto access = area.writable ? window::Access::read_write : window::Access::read;
    REQUIRE(window.map_copy(static_cast<uint32_t>(area.start), page, access, window::kWindowSize, "area"));
  }
  Environment env{window, {}};

  std::vector<uint64_t> addresses = {0, 0x7fffffff, 0x80000000, 0x80000001, 0x8000000000000000, 0x8000000080000000, 0x11000, 0x10fff};
  for (uint64_t address = 0xfffffff8; address <= 0x100000001; address++) addresses.push_back(address);
  unsigned n = 0;
  unsigned n_wrong = 0;
  unsigned n_allowed = 0;
  for (const Memory& memory : memory_ops()) {
    const isa::OpInfo& info = isa::op_info(memory.op);
    bool writes_other = info.fields().src == isa::RegUse::modify || info.form == Form::load;
    bool uses_other = info.form != Form::store_imm;
    for (uint8_t base = 0; base < isa::kNumRegisters; base++) {
      for (uint8_t other = 0; other < (uses_other ? isa::kNumRegisters : 1); other++) {
        if (writes_other && other == isa::kFramePointer) continue;
        for (int16_t offset : {-32768, -1, 0, 1, 32767}) {
          isa::Slot slot = memory.base_is_src ? make(memory.op, {.dst = other, .src = base, .offset = offset})
                                              : make(memory.op, {.dst = base, .src = uses_other ? other : uint8_t{0}, .offset = offset});
          auto program = test::load_program({slot, make(Op::exit)});
          REQUIRE(program);
          auto engine = make_interpreter(*program);
          for (uint64_t address : addresses) {
            State state = State::at_entry(0, {});
            state.regs[base] = address;
            Stop stop = engine->run(state, env, 1);
            uint32_t effective = static_cast<uint32_t>(address + static_cast<uint64_t>(int64_t{offset}));
            auto trap = expected_trap(memory, effective);
            bool same = trap ? stop.kind == Stop::Kind::trapped && stop.trap == *trap && stop.address == effective && stop.pc == 0
                             : stop.kind == Stop::Kind::exited;
            n++;
            n_wrong += !same;
            n_allowed += !trap;
            if (!same) {
              CAPTURE(info.name);
              CAPTURE(effective);
              CHECK(same);
            }
          }
        }
      }
    }
  }
  CHECK(n_wrong == 0);
  CHECK(n > 200000);
  CHECK(n_allowed > 20000);
  // The read-only page was never written.
  const uint8_t* read_only = window.range(0x7ffff000, 4096, window::Intent::read);
  CHECK(std::equal(page.begin(), page.end(), read_only));
}
