#include "jit/plan.h"

#include <algorithm>

namespace cti::jit {
namespace {

using isa::Form;
using isa::RegUse;

constexpr uint32_t kSmallLoop = 16;  // slots
constexpr uint8_t kSavesAll = 0xf;

uint8_t written(const isa::OpInfo& info, const isa::Slot& slot) {
  auto bit = [](RegUse use, unsigned reg) -> uint8_t {
    bool is_written = use == RegUse::write || use == RegUse::modify;
    return is_written && reg >= 6 && reg <= 9 ? static_cast<uint8_t>(1u << (reg - 6)) : uint8_t{0};
  };
  return bit(info.fields().dst, slot.dst) | bit(info.fields().src, slot.src);
}

bool ends_flow(Form form) { return form == Form::exit || form == Form::jump || form == Form::jump_long; }

}  // namespace

uint32_t Plan::function_of(uint32_t slot) const {
  auto after = std::upper_bound(functions.begin(), functions.end(), slot,
                                [](uint32_t wanted, const FunctionPlan& function) { return wanted < function.entry; });
  return static_cast<uint32_t>(after - functions.begin()) - 1;
}

Plan make_plan(const isa::CheckedCode& code, uint32_t entry) {
  Plan plan{{}, std::vector<uint8_t>(code.slots.size() + 1), 0, false, false};
  bool crosses = false;
  uint32_t highest_head = 0;
  std::vector<uint32_t> bottoms(code.slots.size());  // per loop head, 1 + its bottom as far as is known
  for (const isa::Function& function : code.functions) {
    plan.flags[function.entry] |= kIsEntry;
    FunctionPlan now{function.entry, function.reach, 0, false, false, false};
    uint32_t end = function.entry + function.n_slots;
    bool falls_through = true;
    for (uint32_t pc = function.entry; pc < end; pc++) {
      const isa::Slot& slot = code.slots[pc];
      const isa::OpInfo& info = isa::op_info(code.ops[pc]);
      now.saved |= written(info, slot);
      falls_through = !ends_flow(info.form);
      if (info.form == Form::call_local || info.form == Form::call_number || info.form == Form::call_import ||
          info.form == Form::call_register) {
        now.has_context = true;
        plan.has_callx |= info.form == Form::call_register;
      } else if (info.form == Form::jump || info.form == Form::jump_long || info.fields().offset == isa::OffsetUse::jump) {
        auto target = static_cast<uint32_t>(isa::jump_target(info, slot, pc));
        crosses |= target < function.entry || target >= end;
        plan.flags[target] |= kIsTarget;
        if (target <= pc) {
          plan.flags[target] |= pc - target < kSmallLoop ? kIsLoopHead | kIsSmallLoop : kIsLoopHead;
          uint32_t& last = bottoms[target];
          // A jump that goes round an outer loop, with its head in between, leaves the inner one its bottom.
          bool is_outer = last != 0 && highest_head >= last;
          if (last != 0 && !is_outer) plan.flags[last - 1] &= static_cast<uint8_t>(~kIsBottom);
          if (!is_outer) {
            last = pc + 1;
            plan.flags[pc] |= kIsBottom;
          }
          highest_head = std::max(highest_head, target);
        }
      }
      if (info.is_wide()) pc++;
    }
    crosses |= falls_through;
    plan.functions.push_back(now);
  }
  plan.is_uniform = crosses;
  plan.entry_function = plan.function_of(entry);
  for (uint32_t pc = 0; pc < code.slots.size(); pc++) {
    const isa::OpInfo& info = isa::op_info(code.ops[pc]);
    if (info.form == Form::call_local) {
      plan.functions[plan.function_of(static_cast<uint32_t>(isa::jump_target(info, code.slots[pc], pc)))].is_called = true;
    }
    if (info.is_wide()) pc++;
  }
  for (FunctionPlan& function : plan.functions) {
    if (crosses) {
      function.saved = kSavesAll;
      function.has_context = true;
    }
    if (crosses || plan.has_callx) function.is_called = true;
    function.has_pad = function.has_context && (function.n_saved() + 2) % 2 != 0;
  }
  return plan;
}

}  // namespace cti::jit
