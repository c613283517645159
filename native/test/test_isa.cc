#include <set>

#include "isa/disassembler.h"
#include "test/vm_support.h"

using namespace cti;
using namespace cti::isa;
using test::encode;
using test::Fields;
using test::make;

namespace {

constexpr uint32_t kSlots = 8;

// A valid program whose slot 2 is 'slot': before and after it exits, and jump targets within reach.
std::vector<Slot> around(const Slot& slot, bool is_wide) {
  std::vector<Slot> slots(kSlots, make(Op::exit));
  slots[2] = slot;
  if (is_wide) slots[3] = test::second_slot();
  return slots;
}

Result<CheckedCode> check_slots(const std::vector<Slot>& slots) { return check(encode(slots), 0, {}); }

// Of a row, an instruction that the checker accepts in around().
Slot valid(const OpInfo& info) {
  const FormInfo& fields = info.fields();
  Fields values;
  if (fields.dst != RegUse::reserved) values.dst = 9;
  if (fields.src != RegUse::reserved) values.src = 8;
  if (fields.offset == OffsetUse::memory) values.offset = -8;
  if (fields.offset == OffsetUse::jump) values.offset = 3;
  if (fields.imm == ImmUse::value) values.imm = 1;
  if (fields.imm == ImmUse::jump || info.form == Form::wide_code) values.imm = 3;
  return make(info.op, values);
}

std::span<const OpInfo> rows() { return {kOps, kNumOps}; }

bool ends_in_pc(const Error& error, uint32_t pc) { return error.message.ends_with(" at pc " + std::to_string(pc)); }

}  // namespace

TEST_CASE("opcode table: rows are told apart by code and selector, and decode to themselves") {
  std::set<std::pair<int, int>> seen;
  std::set<std::string_view> names;
  for (const OpInfo& info : rows()) {
    CAPTURE(info.name);
    CHECK(seen.insert({info.code, info.selector}).second);
    CHECK(names.insert(info.name).second);
    CHECK(&op_info(info.op) == &info);
    DecodedOp decoded = decode_op(valid(info));
    CHECK(decoded.info == &info);
    const FormInfo& fields = info.fields();
    int selectors =
        (fields.src == RegUse::selector) + (fields.offset == OffsetUse::selector) + (fields.imm == ImmUse::selector);
    CHECK(selectors <= 1);
    if (selectors == 0) CHECK(info.selector == 0);
  }
}

TEST_CASE("checker: a valid instruction of every row is accepted, but for lddws that need a linker") {
  for (const OpInfo& info : rows()) {
    CAPTURE(info.name);
    auto result = check_slots(around(valid(info), info.is_wide()));
    if (info.form == Form::wide_unlinked) {
      REQUIRE_FALSE(result);
      CHECK(result.error().message.ends_with("needs a linker at pc 2"));
    } else {
      REQUIRE_MESSAGE(result, result.error().message);
      CHECK(result->ops[2] == info.op);
    }
  }
}

TEST_CASE("checker: every opcode with every reserved field set is refused") {
  unsigned n = 0;
  for (const OpInfo& info : rows()) {
    if (info.form == Form::wide_unlinked) continue;
    const FormInfo& fields = info.fields();
    auto refused = [&](const Slot& slot, const char* field) {
      CAPTURE(info.name);
      CAPTURE(field);
      auto result = check_slots(around(slot, info.is_wide()));
      REQUIRE_FALSE(result);
      CHECK(result.error().code == ErrorCode::PROGRAM_MALFORMED);
      CHECK(result.error().message.starts_with(std::string("reserved ") + field));
      CHECK(ends_in_pc(result.error(), 2));
      n++;
    };
    for (int bit = 0; bit < 4; bit++) {
      Slot slot = valid(info);
      if (fields.dst == RegUse::reserved) slot.dst = static_cast<uint8_t>(1 << bit), refused(slot, "destination");
      slot = valid(info);
      if (fields.src == RegUse::reserved) slot.src = static_cast<uint8_t>(1 << bit), refused(slot, "source");
    }
    for (int bit = 0; bit < 16; bit++) {
      Slot slot = valid(info);
      if (fields.offset == OffsetUse::reserved) slot.offset = static_cast<int16_t>(1u << bit), refused(slot, "offset");
    }
    for (int bit = 0; bit < 32; bit++) {
      Slot slot = valid(info);
      if (fields.imm == ImmUse::reserved) slot.imm = static_cast<int32_t>(1u << bit), refused(slot, "immediate");
    }
  }
  CHECK(n > 2800);
}

TEST_CASE("checker: every opcode byte with every selector is a row or refused") {
  for (int code = 0; code < 256; code++) {
    std::set<int> offsets;
    for (const OpInfo& info : rows()) {
      if (info.code == code && info.fields().offset == OffsetUse::selector) offsets.insert(info.selector);
    }
    if (offsets.empty()) continue;
    for (int offset = INT16_MIN; offset <= INT16_MAX; offset++) {
      Slot slot{static_cast<uint8_t>(code), 1, 0, static_cast<int16_t>(offset), 0};
      CHECK((decode_op(slot).info != nullptr) == offsets.contains(offset));
    }
  }
}

TEST_CASE("checker: registers that do not exist, and r10 written") {
  for (const OpInfo& info : rows()) {
    if (info.form == Form::wide_unlinked) continue;
    CAPTURE(info.name);
    const FormInfo& fields = info.fields();
    for (uint8_t reg = 0; reg < 16; reg++) {
      auto expect = [&](RegUse use, const Slot& slot) {
        if (use == RegUse::reserved || use == RegUse::selector) return;
        bool allowed = reg < 10 || (reg == 10 && use == RegUse::read);
        auto result = check_slots(around(slot, info.is_wide()));
        CHECK(bool(result) == allowed);
        if (!result) CHECK(ends_in_pc(result.error(), 2));
      };
      Slot slot = valid(info);
      slot.dst = reg;
      expect(fields.dst, slot);
      slot = valid(info);
      slot.src = reg;
      expect(fields.src, slot);
    }
  }
}

TEST_CASE("checker: every jump and call to before the start, the end, past it and into an lddw") {
  unsigned n = 0;
  for (const OpInfo& info : rows()) {
    const FormInfo& fields = info.fields();
    bool by_offset = fields.offset == OffsetUse::jump;
    if (!by_offset && fields.imm != ImmUse::jump && info.form != Form::wide_code) continue;
    CAPTURE(info.name);
    for (int target : {-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -32000, 32000}) {
      Slot slot = valid(info);
      if (by_offset) {
        slot.offset = static_cast<int16_t>(target - 3);
      } else {
        slot.imm = target - 3;
      }
      std::vector<Slot> slots = around(slot, info.is_wide());
      slots[5] = make(Op::lddw);
      slots[6] = test::second_slot();
      bool is_second = target == 6 || (info.is_wide() && target == 3);
      bool allowed = target >= 0 && target < static_cast<int>(kSlots) && !is_second;
      auto result = check_slots(slots);
      CHECK(bool(result) == allowed);
      if (!result) CHECK(ends_in_pc(result.error(), 2));
      n++;
    }
  }
  CHECK(n >= 13 * 40);
}

TEST_CASE("checker: functions are the entries the code shows and those a loader adds") {
  std::vector<Slot> slots(10, make(Op::exit));
  slots[0] = make(Op::call_local, {.imm = 4});  // 5
  slots[1] = make(Op::lddw_code, {.dst = 1, .imm = 5});  // 7
  slots[2] = test::second_slot();
  uint32_t added[] = {3, 5};
  auto result = check(encode(slots), 9, added);
  REQUIRE(result);
  std::vector<std::pair<uint32_t, uint32_t>> functions;
  for (const Function& function : result->functions) functions.emplace_back(function.entry, function.n_slots);
  CHECK(functions == std::vector<std::pair<uint32_t, uint32_t>>{{0, 3}, {3, 2}, {5, 2}, {7, 2}, {9, 1}});
  CHECK(find_function(result->functions, 7)->n_slots == 2);
  CHECK(find_function(result->functions, 8) == nullptr);
  CHECK(find_function(result->functions, 1u << 20) == nullptr);
}

TEST_CASE("disassembler: any bytes give one line a slot") {
  uint64_t seed = 1;
  std::vector<uint8_t> code(8 * 20000);
  for (uint8_t& byte : code) byte = static_cast<uint8_t>((seed = seed * 6364136223846793005 + 1442695040888963407) >> 56);
  std::string text = disassemble(decode(code), [](const OpInfo&, int32_t) { return std::string("f"); });
  CHECK(std::count(text.begin(), text.end(), '\n') == 20000);
  CHECK(text.find("(no instruction)") != std::string::npos);
}
