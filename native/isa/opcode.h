// Instructions: slots, the opcode table and the decoder.
//
// A program is a sequence of slots of 8 bytes (RFC 9669, section 3):
//
//    byte    0      1 low  1 high   2..3     4..7
//          +------+------+------+--------+---------+
//          | code | dst  | src  | offset |   imm   |      little-endian
//          +------+------+------+--------+---------+
//
// opcodes.def has one row an instruction. Neighbours: checker.h (is a program well formed), disassembler.h (for people),
// semantics.h (what the operations compute).
//
// Thread-safety: constants and pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace cti::isa {

inline constexpr uint32_t kSlotSize = 8;
inline constexpr uint32_t kMaxSlots = 1u << 20;
inline constexpr unsigned kNumRegisters = 11;
inline constexpr unsigned kFramePointer = 10;

// Code addresses (docs/internals.md, Guest ABI): numbers that stand for instruction slots; nothing is mapped there.
inline constexpr uint64_t kCodeBase = 0x10000;
constexpr uint64_t code_address(uint32_t slot) { return kCodeBase + uint64_t{kSlotSize} * slot; }

struct Slot {
  uint8_t code;
  uint8_t dst;
  uint8_t src;
  int16_t offset;
  int32_t imm;
};

// The slots of 'code'; bytes after the last whole slot are left out.
std::vector<Slot> decode(Bytes code);

// What an instruction does with its dst or src field.
enum class RegUse : uint8_t { reserved, selector, read, write, modify };
// With its offset: `memory` a displacement, `jump` slots from the next instruction.
enum class OffsetUse : uint8_t { reserved, selector, memory, jump };
// With its immediate.
enum class ImmUse : uint8_t { reserved, selector, value, jump };

enum class Form : uint8_t {
#define CTI_FORM(name, ...) name,
#include "isa/opcodes.def"
#undef CTI_FORM
};

enum class Op : uint8_t {
#define CTI_OP(name, ...) name,
#include "isa/opcodes.def"
#undef CTI_OP
};

struct FormInfo {
  std::string_view name;
  RegUse dst;
  RegUse src;
  OffsetUse offset;
  ImmUse imm;
};

// A row of the opcode table.
struct OpInfo {
  std::string_view name;
  Op op;
  uint8_t code;
  Form form;
  int32_t selector;
  std::string_view text;

  const FormInfo& fields() const;
  bool is_wide() const { return form == Form::wide_imm || form == Form::wide_code || form == Form::wide_unlinked; }
};

extern const OpInfo kOps[];
extern const unsigned kNumOps;

inline const OpInfo& op_info(Op op) { return kOps[static_cast<unsigned>(op)]; }

// Why decode_op() found nothing: no row has the code, or rows have it, but none with the selector.
struct DecodedOp {
  const OpInfo* info;       // null if there is none
  const OpInfo* candidate;  // a row with the same code, if there is one
};
DecodedOp decode_op(const Slot& slot);

// The slot that a jump or local call in slot 'pc' goes to; may lie outside the program. Only for forms with a jump field.
inline int64_t jump_target(const OpInfo& info, const Slot& slot, uint32_t pc) {
  return int64_t{pc} + 1 + (info.fields().offset == OffsetUse::jump ? int64_t{slot.offset} : int64_t{slot.imm});
}

}  // namespace cti::isa
