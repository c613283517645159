#include "isa/disassembler.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace cti::isa {
namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char buffer[160];
  va_list args;
  va_start(args, pattern);
  std::vsnprintf(buffer, sizeof buffer, pattern, args);
  va_end(args);
  return buffer;
}

// A number with its sign: "0x10", "-0x8".
std::string hex(int64_t value) {
  uint64_t magnitude = value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  return format("%s0x%" PRIx64, value < 0 ? "-" : "", magnitude);
}

// The same between operands or before a distance: "+ 0x10", "- 0x8"; "+0x3" with 'space' empty.
std::string signed_hex(int64_t value, const char* space) {
  uint64_t magnitude = value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  return format("%c%s0x%" PRIx64, value < 0 ? '-' : '+', space, magnitude);
}

std::string reg(char prefix, unsigned number) { return format("%c%u", prefix, number); }

std::string at(unsigned base, int16_t offset) { return reg('r', base) + " " + signed_hex(offset, " "); }

std::string memory(std::string_view type, unsigned base, int16_t offset) {
  return "*(" + std::string(type) + " *)(" + at(base, offset) + ")";
}

}  // namespace

std::string disassemble_instruction(const OpInfo& info, const Slot& slot, int32_t second) {
  std::string text(info.text);
  auto dst = [&](char prefix) { return reg(prefix, slot.dst); };
  auto src = [&](char prefix) { return reg(prefix, slot.src); };
  auto alu = [&](const std::string& left, const std::string& right) {
    return left + " " + text + (text.back() == ')' ? "" : " ") + right;
  };
  auto jump_if = [&](const std::string& left, const std::string& right) {
    return "if " + left + " " + text + " " + right + " goto " + signed_hex(slot.offset, "");
  };
  auto atomic = [&](char prefix, const char* type) {
    return "lock " + memory(type, slot.dst, slot.offset) + " " + text + " " + src(prefix);
  };
  auto fetch = [&](char prefix, const char* type) {
    std::string address = info.text.starts_with("xchg") ? at(slot.dst, slot.offset)
                                                        : "(" + std::string(type) + " *)(" + at(slot.dst, slot.offset) + ")";
    return src(prefix) + " = " + text + "(" + address + ", " + src(prefix) + ")";
  };
  auto exchange = [&](char prefix) {
    return reg(prefix, 0) + " = " + text + "(" + at(slot.dst, slot.offset) + ", " + reg(prefix, 0) + ", " + src(prefix) + ")";
  };
  uint64_t wide = static_cast<uint64_t>(static_cast<uint32_t>(second)) << 32 | static_cast<uint32_t>(slot.imm);

  switch (info.form) {
    case Form::alu64_imm:
      return alu(dst('r'), hex(slot.imm));
    case Form::alu64_reg:
      return alu(dst('r'), src('r'));
    case Form::alu32_imm:
      return alu(dst('w'), hex(slot.imm));
    case Form::alu32_reg:
      return alu(dst('w'), src('w'));
    case Form::neg64:
      return dst('r') + " = -" + dst('r');
    case Form::neg32:
      return dst('w') + " = -" + dst('w');
    case Form::byteswap:
      return dst('r') + " = " + text + " " + dst('r');
    case Form::jump64_imm:
      return jump_if(dst('r'), hex(slot.imm));
    case Form::jump64_reg:
      return jump_if(dst('r'), src('r'));
    case Form::jump32_imm:
      return jump_if(dst('w'), hex(slot.imm));
    case Form::jump32_reg:
      return jump_if(dst('w'), src('w'));
    case Form::jump:
      return text + " " + signed_hex(slot.offset, "");
    case Form::jump_long:
    case Form::call_local:
      return text + " " + signed_hex(slot.imm, "");
    case Form::call_number:
      return text + " " + hex(slot.imm);
    case Form::call_import:
      return text + " import " + format("%" PRId32, slot.imm);
    case Form::call_register:
      return text + " " + dst('r');
    case Form::exit:
      return text;
    case Form::wide_imm:
      return dst('r') + " = " + format("0x%" PRIx64, wide) + " ll";
    case Form::wide_code:
      return dst('r') + " = " + text + " " + signed_hex(slot.imm, "") + " ll";
    case Form::wide_unlinked:
      return dst('r') + " = " + text + " " + format("0x%" PRIx64, wide) + " ll";
    case Form::load:
      return dst('r') + " = " + memory(text, slot.src, slot.offset);
    case Form::store_imm:
      return memory(text, slot.dst, slot.offset) + " = " + hex(slot.imm);
    case Form::store_reg:
      return memory(text, slot.dst, slot.offset) + " = " + src('r');
    case Form::atomic32:
      return atomic('w', "u32");
    case Form::atomic64:
      return atomic('r', "u64");
    case Form::fetch32:
      return fetch('w', "u32");
    case Form::fetch64:
      return fetch('r', "u64");
    case Form::cmpxchg32:
      return exchange('w');
    case Form::cmpxchg64:
      return exchange('r');
  }
  return text;
}

std::string disassemble(std::span<const Slot> slots, const CallName& call_name) {
  std::string result;
  bool is_second = false;
  for (uint32_t pc = 0; pc < slots.size(); pc++) {
    const Slot& slot = slots[pc];
    uint16_t offset = static_cast<uint16_t>(slot.offset);
    uint32_t imm = static_cast<uint32_t>(slot.imm);
    std::string line = format("%6" PRIu32 ": %02x %02x %02x %02x %02x %02x %02x %02x ", pc, slot.code, slot.src << 4 | slot.dst,
                              offset & 0xff, offset >> 8, imm & 0xff, imm >> 8 & 0xff, imm >> 16 & 0xff, imm >> 24);
    const OpInfo* info = is_second ? nullptr : decode_op(slot).info;
    if (info) {
      line += disassemble_instruction(*info, slot, pc + 1 < slots.size() ? slots[pc + 1].imm : 0);
      const FormInfo& fields = info->fields();
      if (fields.offset == OffsetUse::jump || fields.imm == ImmUse::jump || info->form == Form::wide_code) {
        line += format(" <%" PRId64 ">", jump_target(*info, slot, pc));
      } else if (info->form == Form::call_number || info->form == Form::call_import) {
        if (std::string name = call_name(*info, slot.imm); !name.empty()) line += " <" + name + ">";
      }
    } else if (!is_second) {
      line += "(no instruction)";
    }
    is_second = info && info->is_wide();
    while (line.back() == ' ') line.pop_back();
    result += line + "\n";
  }
  return result;
}

}  // namespace cti::isa
