// Whether a program could have come to what an image says. What engines and kernel functions rely on is looked at here, before a window
// is made; what a program may set as it likes (registers, memory) is not.
#include <algorithm>
#include <cinttypes>

#include "image/image.h"
#include "vm/pending_call.h"

namespace cti::image {
namespace {

using isa::Form;

Error disagrees(const char* field, const std::string& expected, uint64_t received) {
  return errorf(ErrorCode::IMAGE_MALFORMED, "image, %s: expected %s but received %" PRIu64, field, expected.c_str(), received);
}

Form form_at(const vm::Program& program, uint32_t pc) { return isa::op_info(program.code().ops[pc]).form; }

// The function that slot 'pc' is in; one past the end is in the last.
const isa::Function& function_of(const vm::Program& program, uint32_t pc) {
  const isa::FunctionTable& functions = program.code().functions;
  auto after = std::upper_bound(functions.begin(), functions.end(), pc,
                                [](uint32_t wanted, const isa::Function& function) { return wanted < function.entry; });
  return *(after - 1);
}

bool ends_flow(Form form) { return form == Form::exit || form == Form::jump || form == Form::jump_long; }

// Whether 'caller', a local call that returns to 'return_pc', can have entered the function that 'position' is in.
bool can_have_entered(const vm::Program& program, uint32_t return_pc, uint32_t position) {
  uint32_t call = return_pc - 1;
  const isa::OpInfo& info = isa::op_info(program.code().ops[call]);
  if (info.form == Form::call_register) return true;
  return function_of(program, position).entry == isa::jump_target(info, program.code().slots[call], call);
}

// The function that the call before 'pc' may be of; null if there is none, or not this one.
const vm::KernelFunction* called_before(const vm::Program& program, const ProgramFacts& facts, uint32_t pc, uint32_t number) {
  if (pc == 0 || !facts.is_start[pc - 1]) return nullptr;
  const isa::OpInfo& info = isa::op_info(program.code().ops[pc - 1]);
  if (info.form == Form::call_register) return program.kernel_functions().by_number(number);
  if (info.form != Form::call_number && info.form != Form::call_import) return nullptr;
  const vm::KernelFunction& function = program.callee(info, program.code().slots[pc - 1].imm);
  return function.number == number ? &function : nullptr;
}

Result<void> check_call(const vm::SavedRun& run, const vm::Program& program, const ProgramFacts& facts) {
  const vm::KernelFunction* function = called_before(program, facts, run.state.pc, run.call->number);
  if (!function || function->suspends == vm::Suspends::never) {
    return disagrees("call.function", "the function that the instruction before pc " + std::to_string(run.state.pc) + " calls, and one that suspends,",
                     run.call->number);
  }
  for (size_t i = function->n_args; i < run.call->args.size(); i++) {
    if (run.call->args[i] != 0) return disagrees("call.argument", "none past those of " + std::string(function->name), run.call->args[i]);
  }
  for (size_t i = 0; i <= run.call->args.size(); i++) {
    if (run.state.regs[i] != 0) return disagrees("state.register", "0 in r0 to r5 while a call waits", run.state.regs[i]);
  }
  if (!vm::has_sane_sizes(*function, run.call->args)) {
    return disagrees("call.argument", "buffers of at most 65536 bytes", run.call->number);
  }
  if (run.call_number == 0) return disagrees("state.callNumber", "at least 1 while a call waits", 0);
  return {};
}

struct Range {
  uint64_t start, end;
};

constexpr uint64_t whole_pages(uint64_t size) {
  return (size + window::kGuestPageSize - 1) & ~uint64_t{window::kGuestPageSize - 1};
}
Range pages(uint64_t address, uint64_t size) { return {address, address + whole_pages(size)}; }

Result<void> check_no_overlap(const vm::SavedRun& run) {
  std::vector<Range> ranges;
  for (const vm::MemoryPiece& piece : run.pieces) ranges.push_back(pages(piece.address, piece.size));
  for (const vm::OpenRegion& region : run.regions) ranges.push_back(pages(region.address, region.size));
  for (const vm::OpenTable& table : run.tables) {
    for (uint32_t i = 0; i < table.facts.n_segments; i++) {
      const auto& segment = table.facts.segments[i];
      if (segment.size > 0) ranges.push_back(pages(segment.address, segment.size));
    }
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.start < b.start; });
  for (size_t i = 1; i < ranges.size(); i++) {
    if (ranges[i].start < ranges[i - 1].end) return disagrees("tables, regions and copies", "ranges that do not overlap", ranges[i].start);
  }
  return {};
}

Result<void> check_stored(const vm::SavedRun& run, const vm::Program& program) {
  std::vector<Range> ranges = {pages(window::kStackBase, window::kStackSize), pages(window::kDataBase, program.data_size()),
                               pages(window::kMemoryBase, run.memory_size)};
  for (const vm::MemoryPiece& piece : run.pieces) ranges.push_back(pages(piece.address, piece.size));
  // Both ascend: decode() saw to it.
  auto range = ranges.begin();
  for (const vm::StoredBytes& stored : run.stored) {
    while (range != ranges.end() && range->end <= stored.address) range++;
    if (range == ranges.end() || stored.address < range->start || stored.address + stored.bytes.size() > range->end) {
      return disagrees("stored.address", "memory of the program's own", stored.address);
    }
  }
  return {};
}

}  // namespace

ProgramFacts::ProgramFacts(const vm::Program& program) : is_start(program.n_slots() + 1, true), keeps_to_itself(true) {
  const isa::CheckedCode& code = program.code();
  for (const isa::Function& function : code.functions) {
    uint32_t end = function.entry + function.n_slots;
    bool runs_on = true;
    for (uint32_t pc = function.entry; pc < end; pc++) {
      const isa::OpInfo& info = isa::op_info(code.ops[pc]);
      runs_on = !ends_flow(info.form);
      if (info.form == Form::jump || info.form == Form::jump_long || info.fields().offset == isa::OffsetUse::jump) {
        int64_t target = isa::jump_target(info, code.slots[pc], pc);
        keeps_to_itself &= target >= function.entry && target < end;
      }
      if (info.is_wide()) is_start[++pc] = false;
    }
    keeps_to_itself &= !runs_on;
  }
}

Result<void> check_state(const vm::State& state, const vm::Program& program, const ProgramFacts& facts) {
  if (state.pc > program.n_slots() || !facts.is_start[state.pc]) return disagrees("state.pc", "the start of an instruction", state.pc);
  for (uint32_t depth = 0; depth < state.depth; depth++) {
    uint32_t return_pc = state.frames[depth].return_pc;
    bool is_behind_call = return_pc > 0 && return_pc <= program.n_slots() && facts.is_start[return_pc - 1] &&
                          (form_at(program, return_pc - 1) == Form::call_local || form_at(program, return_pc - 1) == Form::call_register);
    if (!is_behind_call) return disagrees("frame.returnPc", "a slot behind a local call", return_pc);
  }
  // Where functions jump into each other, any of them may be anywhere.
  if (!facts.keeps_to_itself) return {};
  for (uint32_t depth = 0; depth <= state.depth; depth++) {
    uint32_t position = depth < state.depth ? state.frames[depth].return_pc - 1 : state.pc;
    bool is_right = depth == 0 ? function_of(program, position).entry == function_of(program, program.entry()).entry
                               : can_have_entered(program, state.frames[depth - 1].return_pc, position);
    if (!is_right) return disagrees(depth < state.depth ? "frame.returnPc" : "state.pc", "a slot of the function that was entered", position);
  }
  return {};
}

Result<void> check(const vm::SavedRun& run, const vm::Program& program, const ProgramFacts& facts) {
  CTI_TRY(check_state(run.state, program, facts));
  if (run.call) CTI_TRY(check_call(run, program, facts));
  CTI_TRY(check_no_overlap(run));
  return check_stored(run, program);
}

}  // namespace cti::image
