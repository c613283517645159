#include "isa/checker.h"

#include <algorithm>
#include <cinttypes>
#include <string>
#include <utility>

namespace cti::isa {
namespace {

class Checker {
 public:
  explicit Checker(std::vector<Slot> slots) : n_(static_cast<uint32_t>(slots.size())) {
    code_.slots = std::move(slots);
    code_.ops.resize(n_);
    is_second_.resize(n_);
    is_entry_.resize(n_);
  }

  Result<CheckedCode> run(uint32_t entry, std::span<const uint32_t> functions) {
    CTI_TRY(check_fields());
    CTI_TRY(check_targets());
    CTI_TRY(check_end());
    CTI_TRY(check_entry(entry, "entry"));
    for (uint32_t function : functions) CTI_TRY(check_entry(function, "function"));
    is_entry_[0] = true;
    for (uint32_t slot = 0; slot < n_; slot++) {
      if (is_entry_[slot]) code_.functions.push_back({slot, 0, 0});
    }
    for (size_t i = 0; i < code_.functions.size(); i++) {
      uint32_t end = i + 1 < code_.functions.size() ? code_.functions[i + 1].entry : n_;
      code_.functions[i].n_slots = end - code_.functions[i].entry;
    }
    find_reach();
    return std::move(code_);
  }

 private:
  template <typename... Args>
  static Error refuse(uint32_t pc, const char* format, Args... args) {
    return errorf(ErrorCode::PROGRAM_MALFORMED, (std::string(format) + " at pc %" PRIu32).c_str(), args..., pc);
  }

  // Opcodes, registers, reserved fields: what a slot says by itself.
  Result<void> check_fields() {
    for (uint32_t pc = 0; pc < n_; pc++) {
      const Slot& slot = code_.slots[pc];
      DecodedOp decoded = decode_op(slot);
      if (!decoded.info) return unknown(slot, decoded.candidate, pc);
      const OpInfo& info = *decoded.info;
      code_.ops[pc] = info.op;
      CTI_TRY(check_registers(info, slot, pc));
      CTI_TRY(check_reserved(info, slot, pc));
      if (info.is_wide()) {
        CTI_TRY(check_wide(info, pc));
        is_second_[++pc] = true;
      }
    }
    return {};
  }

  static Error unknown(const Slot& slot, const OpInfo* candidate, uint32_t pc) {
    if (!candidate) return refuse(pc, "unknown opcode 0x%02x", slot.code);
    const FormInfo& fields = candidate->fields();
    const char* field = "source";
    int value = slot.src;
    if (fields.offset == OffsetUse::selector) {
      field = "offset";
      value = slot.offset;
    } else if (fields.imm == ImmUse::selector) {
      field = "immediate";
      value = slot.imm;
    }
    return refuse(pc, "opcode 0x%02x has no instruction with %s %d", slot.code, field, value);
  }

  static Result<void> check_registers(const OpInfo& info, const Slot& slot, uint32_t pc) {
    const FormInfo& fields = info.fields();
    auto check = [&](RegUse use, const char* field, unsigned reg) -> Result<void> {
      if (use == RegUse::reserved && reg != 0) {
        return refuse(pc, "reserved %s field of %s is %u, expected 0", field, info.name.data(), reg);
      }
      if (use == RegUse::reserved || use == RegUse::selector) return {};
      if (reg >= kNumRegisters) return refuse(pc, "%s register r%u does not exist, expected r0 to r10,", field, reg);
      if (use != RegUse::read && reg == kFramePointer) {
        return refuse(pc, "%s writes r10, which is read-only,", info.name.data());
      }
      return {};
    };
    CTI_TRY(check(fields.dst, "destination", slot.dst));
    return check(fields.src, "source", slot.src);
  }

  static Result<void> check_reserved(const OpInfo& info, const Slot& slot, uint32_t pc) {
    const FormInfo& fields = info.fields();
    if (fields.offset == OffsetUse::reserved && slot.offset != 0) {
      return refuse(pc, "reserved offset field of %s is %d, expected 0", info.name.data(), slot.offset);
    }
    if (fields.imm == ImmUse::reserved && slot.imm != 0) {
      return refuse(pc, "reserved immediate field of %s is %d, expected 0", info.name.data(), slot.imm);
    }
    return {};
  }

  Result<void> check_wide(const OpInfo& info, uint32_t pc) {
    if (info.form == Form::wide_unlinked) {
      const char* what = info.name.data() + sizeof "lddw";  // past "lddw_"
      return refuse(pc, "lddw with source %d (%s) needs a linker", code_.slots[pc].src, what);
    }
    if (pc + 1 >= n_) return refuse(pc, "lddw lacks its second slot");
    const Slot& second = code_.slots[pc + 1];
    if (second.code != 0 || second.dst != 0 || second.src != 0 || second.offset != 0) {
      return refuse(pc + 1, "second slot of an lddw has more than an immediate");
    }
    if (info.form == Form::wide_code && second.imm != 0) {
      return refuse(pc + 1, "second immediate of a code address is %d, expected 0", second.imm);
    }
    return {};
  }

  // Where jumps, local calls and code addresses go.
  Result<void> check_targets() {
    for (uint32_t pc = 0; pc < n_; pc++) {
      if (is_second_[pc]) continue;
      const OpInfo& info = op_info(code_.ops[pc]);
      const FormInfo& fields = info.fields();
      bool is_code = info.form == Form::wide_code;
      if (!is_code && fields.offset != OffsetUse::jump && fields.imm != ImmUse::jump) continue;
      int64_t target = jump_target(info, code_.slots[pc], pc);
      const char* what = is_code ? "code address" : info.form == Form::call_local ? "call" : "jump";
      if (target < 0 || target >= n_) {
        return refuse(pc, "%s to slot %" PRId64 ", outside the program of %" PRIu32 " slots,", what, target, n_);
      }
      if (is_second_[target]) return refuse(pc, "%s to slot %" PRId64 ", the second slot of an lddw,", what, target);
      if (is_code || info.form == Form::call_local) is_entry_[target] = true;
    }
    return {};
  }

  Result<void> check_end() {
    uint32_t last = n_ - 1;
    if (is_second_[last]) last--;
    switch (op_info(code_.ops[last]).form) {
      case Form::exit:
      case Form::jump:
      case Form::jump_long:
      case Form::call_number:
      case Form::call_local:
      case Form::call_import:
      case Form::call_register:
        return {};
      default:
        return refuse(last, "the last instruction is %s, expected exit, an unconditional jump or a call,",
                      op_info(code_.ops[last]).name.data());
    }
  }

  Result<void> check_entry(uint32_t slot, const char* what) {
    if (slot >= n_) return refuse(slot, "%s outside the program of %" PRIu32 " slots", what, n_);
    if (is_second_[slot]) return refuse(slot, "%s is the second slot of an lddw", what);
    is_entry_[slot] = true;
    return {};
  }

  // Where control passes from one function into another without a call: {into, from}, as indexes, ordered.
  std::vector<std::pair<uint32_t, uint32_t>> passages() const {
    const FunctionTable& functions = code_.functions;
    std::vector<std::pair<uint32_t, uint32_t>> found;
    uint32_t from = 0;
    for (uint32_t pc = 0; pc < n_; pc++) {
      const OpInfo& info = op_info(code_.ops[pc]);
      uint32_t next = pc + (info.is_wide() ? 2 : 1);
      uint32_t end = functions[from].entry + functions[from].n_slots;
      bool is_jump = info.fields().offset == OffsetUse::jump || info.form == Form::jump_long;
      if (is_jump) {
        auto target = static_cast<uint32_t>(jump_target(info, code_.slots[pc], pc));
        if (target < functions[from].entry || target >= end) found.emplace_back(index_of(target), from);
      }
      bool runs_on = info.form != Form::exit && info.form != Form::jump && info.form != Form::jump_long;
      if (next == end && next < n_) {
        if (runs_on) found.emplace_back(from + 1, from);
        from++;
      }
      pc = next - 1;
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // Of the function that 'slot' belongs to.
  uint32_t index_of(uint32_t slot) const {
    auto after = std::upper_bound(code_.functions.begin(), code_.functions.end(), slot,
                                  [](uint32_t wanted, const Function& function) { return wanted < function.entry; });
    return static_cast<uint32_t>(after - code_.functions.begin()) - 1;
  }

  // Without this a function of one slot that jumps far ahead would run all of the program for the fuel of one slot, as often
  // as it is called. Functions that lie later reach further, so each is given to whatever leads to it, last one first.
  void find_reach() {
    FunctionTable& functions = code_.functions;
    auto into = passages();
    std::vector<uint32_t> open;
    for (size_t last = functions.size(); last-- > 0;) {
      if (functions[last].reach) continue;
      uint32_t end = functions[last].entry + functions[last].n_slots;
      auto reaches = [&](uint32_t i) {
        functions[i].reach = end - functions[i].entry;
        open.push_back(i);
      };
      reaches(static_cast<uint32_t>(last));
      while (!open.empty()) {
        uint32_t i = open.back();
        open.pop_back();
        for (auto at = std::lower_bound(into.begin(), into.end(), std::pair{i, 0u}); at != into.end() && at->first == i; ++at) {
          if (!functions[at->second].reach) reaches(at->second);
        }
      }
    }
  }

  uint32_t n_;
  CheckedCode code_;
  std::vector<bool> is_second_;
  std::vector<bool> is_entry_;
};

}  // namespace

const Function* find_function(const FunctionTable& functions, uint64_t slot) {
  auto at = std::lower_bound(functions.begin(), functions.end(), slot,
                             [](const Function& function, uint64_t wanted) { return function.entry < wanted; });
  return at != functions.end() && at->entry == slot ? &*at : nullptr;
}

Result<CheckedCode> check(Bytes code, uint32_t entry, std::span<const uint32_t> functions) {
  if (code.empty()) {
    return errorf(ErrorCode::PROGRAM_MALFORMED, "the program is empty, expected an instruction at pc 0");
  }
  size_t n_slots = code.size() / kSlotSize;
  if (n_slots > kMaxSlots || (n_slots == kMaxSlots && code.size() % kSlotSize != 0)) {
    return errorf(ErrorCode::PROGRAM_MALFORMED, "the program has %zu slots, more than %" PRIu32 ", at pc %" PRIu32,
                  n_slots, kMaxSlots, kMaxSlots);
  }
  if (code.size() % kSlotSize != 0) {
    return errorf(ErrorCode::PROGRAM_MALFORMED, "the program is %zu bytes, which is no multiple of 8, at pc %zu",
                  code.size(), n_slots);
  }
  return Checker(decode(code)).run(entry, functions);
}

}  // namespace cti::isa
