#include "tools/differential/generator.h"

#include "tools/differential/lab.h"
#include "tools/differential/random.h"

namespace cti::differential {
namespace {

using isa::Form;
using isa::Op;
using isa::Slot;

constexpr int32_t kImmediates[] = {0,   1,   -1,    2,     3,      7,       8,        16,        31,         32,         33,
                                   63,  64,  65,    127,   128,    -128,    255,      256,       0x7fff,     0x8000,     0xffff,
                                   -32768, 0x10000, 0xff00, 1000, 1 << 30, INT32_MAX, INT32_MIN, INT32_MIN + 1, -2, 0x55555555};
constexpr int16_t kOffsets[] = {0, 0, 0, 1, -1, 2, 4, 8, -8, -4, 16, 7, 255, -512, 4088, 4095, 32767, -32768};

class Generator {
 public:
  Generator(uint64_t seed, const World& world) : random_(seed), world_(world) {}

  vm::ProgramSpec run() {
    unsigned n_functions = 1 + random_.below(4);
    for (unsigned i = 0; i < n_functions; i++) function(i);
    patch_calls();
    if (random_.one_in(12)) cross();
    vm::ProgramSpec spec;
    spec.kernel_functions = world_.kernel_functions;
    spec.functions = entries_;
    if (random_.one_in(8)) spec.entry = random_.pick_of(entries_);
    for (const Slot& slot : slots_) {
      const uint8_t bytes[] = {slot.code, static_cast<uint8_t>(slot.dst | slot.src << 4)};
      spec.code.insert(spec.code.end(), bytes, bytes + 2);
      append(spec.code, slot.offset);
      append(spec.code, slot.imm);
    }
    return spec;
  }

 private:
  template <typename T>
  static void append(std::vector<uint8_t>& to, T value) {
    uint8_t bytes[sizeof value];
    store(bytes, value);
    to.insert(to.end(), bytes, bytes + sizeof value);
  }

  uint32_t here() const { return static_cast<uint32_t>(slots_.size()); }
  void put(Op op, unsigned dst, unsigned src, int16_t offset, int32_t imm) {
    const isa::OpInfo& info = isa::op_info(op);
    Slot slot{info.code, static_cast<uint8_t>(dst), static_cast<uint8_t>(src), offset, imm};
    const isa::FormInfo& fields = info.fields();
    if (fields.src == isa::RegUse::selector) slot.src = static_cast<uint8_t>(info.selector);
    if (fields.offset == isa::OffsetUse::selector) slot.offset = static_cast<int16_t>(info.selector);
    if (fields.imm == isa::ImmUse::selector) slot.imm = info.selector;
    slots_.push_back(slot);
  }
  void wide(unsigned dst, uint64_t value) {
    put(Op::lddw, dst, 0, 0, static_cast<int32_t>(value));
    slots_.push_back({0, 0, 0, 0, static_cast<int32_t>(value >> 32)});
  }

  unsigned writable() { return random_.below(10); }
  unsigned readable() { return random_.below(11); }
  int32_t immediate() {
    return random_.one_in(4) ? static_cast<int32_t>(random_.next()) : random_.pick_of(kImmediates);
  }
  int16_t offset() { return random_.one_in(8) ? static_cast<int16_t>(random_.next()) : random_.pick_of(kOffsets); }

  uint64_t address() {
    const Region& region = random_.pick_of(world_.regions);
    uint64_t at = region.address;
    switch (random_.below(6)) {
      case 0:
        at += region.size - random_.below(16);
        break;
      case 1:
        at -= random_.below(16);
        break;
      default:
        at += random_.below(region.size) & ~7u;
        break;
    }
    // Only the low half of a register counts.
    if (random_.one_in(6)) at |= random_.next() << 32;
    return at;
  }

  Op any(std::initializer_list<Form> forms) {
    for (;;) {
      const isa::OpInfo& info = isa::kOps[random_.below(isa::kNumOps)];
      for (Form form : forms) {
        if (info.form == form) return info.op;
      }
    }
  }

  void alu() {
    Op op = any({Form::alu64_imm, Form::alu64_reg, Form::alu32_imm, Form::alu32_reg, Form::neg64, Form::neg32, Form::byteswap});
    const isa::FormInfo& fields = isa::op_info(op).fields();
    unsigned dst = writable();
    // What compilers write: a move, then an operation on the copy.
    if (random_.one_in(4)) put(random_.one_in(2) ? Op::mov64_reg : Op::mov32_reg, dst, readable(), 0, 0);
    put(op, dst, fields.src == isa::RegUse::read ? readable() : 0, 0, fields.imm == isa::ImmUse::value ? immediate() : 0);
    // A second shift of the same count.
    if ((op == Op::lsh64_imm) && random_.one_in(2)) {
      slots_.back().imm = random_.pick({32, 48, 56, 24});
      put(random_.pick({Op::rsh64_imm, Op::arsh64_imm}), dst, 0, 0, slots_.back().imm);
    }
  }

  void memory() {
    Op op = any({Form::load, Form::store_imm, Form::store_reg, Form::atomic32, Form::atomic64, Form::fetch32, Form::fetch64,
                 Form::cmpxchg32, Form::cmpxchg64});
    const isa::FormInfo& fields = isa::op_info(op).fields();
    bool is_load = isa::op_info(op).form == Form::load;
    bool is_atomic = fields.imm == isa::ImmUse::selector;
    unsigned base = readable();
    int16_t displacement = offset();
    // Most of them aligned.
    if (is_atomic && !random_.one_in(10)) displacement = static_cast<int16_t>(displacement & ~7);
    if (random_.one_in(3)) {
      base = isa::kFramePointer;
      displacement = static_cast<int16_t>(-8 * (1 + static_cast<int>(random_.below(64))));
    } else if (!random_.one_in(12)) {
      base = writable();
      uint64_t at = address();
      if (is_atomic && !random_.one_in(10)) at &= ~uint64_t{7};
      if (random_.one_in(2)) {
        at -= static_cast<uint64_t>(int64_t{displacement});
      } else if (random_.one_in(2)) {
        displacement = 0;
      }
      wide(base, at);
    }
    unsigned value = fields.src == isa::RegUse::modify ? writable() : readable();
    put(op, is_load ? writable() : base, is_load ? base : fields.src == isa::RegUse::reserved ? 0 : value, displacement,
        fields.imm == isa::ImmUse::value ? immediate() : 0);
  }

  // base[index], as compilers write it.
  void indexed() {
    unsigned index = writable(), scaled = writable(), pointer = writable(), base = readable();
    if (!random_.one_in(12)) {
      base = writable();
      wide(base, address() & ~uint64_t{0xfff});
    }
    put(Op::and64_imm, index, 0, 0, 0x1ff);
    if (scaled != index) put(random_.one_in(2) ? Op::mov64_reg : Op::mov32_reg, scaled, index, 0, 0);
    if (!random_.one_in(4)) put(random_.one_in(4) ? Op::lsh32_imm : Op::lsh64_imm, scaled, 0, 0, static_cast<int32_t>(random_.below(5)));
    if (pointer != base) put(random_.one_in(8) ? Op::mov32_reg : Op::mov64_reg, pointer, base, 0, 0);
    put(Op::add64_reg, pointer, scaled, 0, 0);
    if (random_.one_in(3)) put(random_.one_in(2) ? Op::add64_imm : Op::sub64_imm, pointer, 0, 0, random_.one_in(6) ? immediate() : 16);
    if (random_.one_in(4)) alu();
    unsigned value = random_.one_in(3) ? pointer : random_.one_in(2) ? scaled : writable();
    Op op = any({Form::load, Form::store_imm, Form::store_reg});
    bool is_load = isa::op_info(op).form == Form::load;
    bool has_imm = isa::op_info(op).form == Form::store_imm;
    put(op, is_load ? value : pointer, is_load ? pointer : has_imm ? 0 : value, random_.one_in(6) ? offset() : int16_t{8}, has_imm ? immediate() : 0);
  }

  // One that suspends: later(), or exchange() with buffers that are there.
  void suspending_call() {
    if (random_.one_in(2)) {
      put(Op::call, 0, 0, 0, 7);
      return;
    }
    for (unsigned reg : {1, 3, 5}) wide(reg, window::kDataBase + 8 * random_.below(900));
    for (unsigned reg : {2, 4}) put(Op::mov64_imm, reg, 0, 0, static_cast<int32_t>(random_.below(40)));
    put(Op::call, 0, 0, 0, 8);
  }

  void call() {
    if (world_.suspends && random_.one_in(2)) return suspending_call();
    switch (random_.below(4)) {
      case 0:
        calls_.push_back(here());
        put(Op::call_local, 0, 0, 0, 0);
        break;
      case 1: {
        unsigned target = writable();
        code_addresses_.push_back(here());
        put(Op::lddw_code, target, 0, 0, 0);
        slots_.push_back({});
        if (random_.one_in(20)) put(Op::add64_imm, target, 0, 0, random_.pick({1, 8, 4, -8, 1 << 20}));
        put(Op::callx, target, 0, 0, 0);
        break;
      }
      case 2:
        if (random_.one_in(3)) {
          unsigned target = writable();
          put(Op::mov64_imm, target, 0, 0, random_.pick({1, 1, 8, 9, 5, 7, 3, 65535, -1, 0x10000}));
          put(Op::callx, target, 0, 0, 0);
          break;
        }
        [[fallthrough]];
      default:
        if (random_.one_in(2)) wide(1, address());
        put(Op::call, 0, 0, 0, world_.suspends ? random_.pick({1, 1, 5, 7, 8}) : random_.pick({1, 1, 1, 8, 8, 9, 9, 9, 5, 7, 1, 8, 9, random_.one_in(8) ? 6 : 1}));
        break;
    }
  }

  // A jump over a few instructions, with and without an else.
  void branch(unsigned depth) {
    Op op = any({Form::jump64_imm, Form::jump64_reg, Form::jump32_imm, Form::jump32_reg});
    bool has_imm = isa::op_info(op).fields().imm == isa::ImmUse::value;
    uint32_t at = here();
    put(op, readable(), has_imm ? 0 : readable(), 0, has_imm ? immediate() : 0);
    if (random_.one_in(4)) {
      // What compilers write for a choice.
      Op move = random_.pick({Op::mov64_reg, Op::mov32_reg, Op::mov64_imm, Op::mov32_imm});
      bool is_imm = isa::op_info(move).fields().imm == isa::ImmUse::value;
      put(move, writable(), is_imm ? 0 : readable(), 0, is_imm ? immediate() : 0);
    } else {
      block(1 + random_.below(3), depth + 1);
    }
    if (random_.one_in(3)) {
      uint32_t over = here();
      put(random_.one_in(2) ? Op::ja : Op::gotol, 0, 0, 0, 0);
      slots_[at].offset = static_cast<int16_t>(here() - at - 1);
      block(1 + random_.below(2), depth + 1);
      set_jump(over, here());
    } else {
      slots_[at].offset = static_cast<int16_t>(here() - at - 1);
    }
  }

  void set_jump(uint32_t from, uint32_t to) {
    auto distance = static_cast<int32_t>(to) - static_cast<int32_t>(from) - 1;
    if (isa::decode_op(slots_[from]).info->op == Op::gotol) {
      slots_[from].imm = distance;
    } else {
      slots_[from].offset = static_cast<int16_t>(distance);
    }
  }

  void loop(unsigned depth) {
    unsigned counter = 6 + random_.below(4);
    bool is_endless = random_.one_in(10);
    put(random_.one_in(2) ? Op::mov64_imm : Op::mov32_imm, counter, 0, 0, 1 + static_cast<int32_t>(random_.below(40)));
    uint32_t head = here();
    block(1 + random_.below(4), depth + 1);
    put(random_.one_in(2) ? Op::add64_imm : Op::add32_imm, counter, 0, 0, -1);
    uint32_t at = here();
    if (is_endless) {
      put(random_.one_in(2) ? Op::ja : Op::gotol, 0, 0, 0, 0);
    } else {
      put(random_.pick({Op::jne64_imm, Op::jne32_imm, Op::jsgt64_imm, Op::jgt32_imm}), counter, 0, 0, 0);
    }
    set_jump(at, head);
  }

  void block(unsigned n, unsigned depth) {
    for (unsigned i = 0; i < n; i++) {
      switch (random_.below(depth < 3 ? 12 : 9)) {
        case 0:
        case 1:
        case 2:
        case 3:
          alu();
          break;
        case 4:
          indexed();
          break;
        case 5:
        case 6:
          memory();
          break;
        case 7:
          call();
          break;
        case 8:
          wide(writable(), random_.one_in(2) ? random_.next() : static_cast<uint64_t>(int64_t{immediate()}));
          break;
        case 9:
        case 10:
          branch(depth);
          break;
        default:
          loop(depth);
          break;
      }
    }
  }

  void function(unsigned) {
    entries_.push_back(here());
    block(2 + random_.below(8), 0);
    if (random_.one_in(4)) put(Op::mov64_imm, 0, 0, 0, immediate());
    // A call at the very end returns past it: into the next function, or past the program.
    if (random_.one_in(14)) {
      calls_.push_back(here());
      put(Op::call_local, 0, 0, 0, 0);
    } else {
      put(Op::exit, 0, 0, 0, 0);
    }
  }

  void patch_calls() {
    auto relative = [&](uint32_t from) { return static_cast<int32_t>(random_.pick_of(entries_)) - static_cast<int32_t>(from) - 1; };
    for (uint32_t at : calls_) slots_[at].imm = relative(at);
    for (uint32_t at : code_addresses_) slots_[at].imm = relative(at);
  }

  // Sends a jump somewhere else: into another function, as like as not.
  void cross() {
    std::vector<uint32_t> starts;
    for (uint32_t pc = 0; pc < here(); pc++) {
      starts.push_back(pc);
      if (isa::decode_op(slots_[pc]).info->is_wide()) pc++;
    }
    for (uint32_t pc : starts) {
      const isa::OpInfo& info = *isa::decode_op(slots_[pc]).info;
      bool is_jump = info.fields().offset == isa::OffsetUse::jump || info.form == Form::jump_long;
      if (is_jump && random_.one_in(3)) set_jump(pc, random_.pick_of(starts));
    }
  }

  Random random_;
  const World& world_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> entries_;
  std::vector<uint32_t> calls_;
  std::vector<uint32_t> code_addresses_;
};

}  // namespace

const World& lab_world() {
  static const World world{&lab_kernel_functions(), kRegions, false};
  return world;
}

const World& image_world() {
  static constexpr Region kOwn[] = {{window::kStackBase, window::kStackSize, true}, {window::kRodataBase, 4096, false},
                                    {window::kDataBase, 8192, true},                {window::kMemoryBase, 8192, true},
                                    {window::kTablesBase, 4096, true}};
  static const World world{vm::find_kernel_set("conformance"), kOwn, true};
  return world;
}

vm::ProgramSpec generate(uint64_t seed, const World& world) { return Generator(seed, world).run(); }

}  // namespace cti::differential
