#include "isa/opcode.h"

#include <array>

namespace cti::isa {
namespace {

constexpr FormInfo kForms[] = {
#define CTI_FORM(name, dst, src, offset, imm) {#name, RegUse::dst, RegUse::src, OffsetUse::offset, ImmUse::imm},
#include "isa/opcodes.def"
#undef CTI_FORM
};

constexpr int kNone = -1;

// Per opcode byte the first row, and per row the next with the same byte.
struct Index {
  std::array<int16_t, 256> first;
  std::array<int16_t, 256> next;
};

constexpr uint8_t kCodes[] = {
#define CTI_OP(name, code, ...) code,
#include "isa/opcodes.def"
#undef CTI_OP
};
static_assert(std::size(kCodes) <= 256, "Op and Index hold 8-bit row numbers");

constexpr Index make_index() {
  Index index{};
  index.first.fill(kNone);
  index.next.fill(kNone);
  for (int row = static_cast<int>(std::size(kCodes)) - 1; row >= 0; row--) {
    index.next[row] = index.first[kCodes[row]];
    index.first[kCodes[row]] = static_cast<int16_t>(row);
  }
  return index;
}
constexpr Index kIndex = make_index();

bool selects(const OpInfo& info, const Slot& slot) {
  const FormInfo& fields = info.fields();
  if (fields.src == RegUse::selector) return slot.src == info.selector;
  if (fields.offset == OffsetUse::selector) return slot.offset == info.selector;
  if (fields.imm == ImmUse::selector) return slot.imm == info.selector;
  return true;
}

}  // namespace

const OpInfo kOps[] = {
#define CTI_OP(name, code, form, selector, text, ...) {#name, Op::name, code, Form::form, selector, text},
#include "isa/opcodes.def"
#undef CTI_OP
};
const unsigned kNumOps = std::size(kOps);

const FormInfo& OpInfo::fields() const { return kForms[static_cast<unsigned>(form)]; }

std::vector<Slot> decode(Bytes code) {
  std::vector<Slot> slots(code.size() / kSlotSize);
  const uint8_t* at = code.data();
  for (Slot& slot : slots) {
    slot.code = at[0];
    slot.dst = at[1] & 0xf;
    slot.src = at[1] >> 4;
    slot.offset = load<int16_t>(at + 2);
    slot.imm = load<int32_t>(at + 4);
    at += kSlotSize;
  }
  return slots;
}

DecodedOp decode_op(const Slot& slot) {
  int row = kIndex.first[slot.code];
  DecodedOp result{nullptr, row == kNone ? nullptr : &kOps[row]};
  for (; row != kNone && !result.info; row = kIndex.next[row]) {
    if (selects(kOps[row], slot)) result.info = &kOps[row];
  }
  return result;
}

}  // namespace cti::isa
