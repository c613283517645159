// The state section: pc, registers, frames. It alone goes to and fro where the window stays (Run.suspendState of lib/runner), so it is
// written and read without allocating.
#include "image/image.h"
#include "image/reader.h"

namespace cti::image {
namespace {

constexpr unsigned kStoredRegisters = isa::kFramePointer;  // r10 follows from the depth
constexpr unsigned kFirstSaved = 6;

// Writes those of 'values' that are not zero, and gives their mask.
template <size_t kSize>
uint32_t put_values(const std::array<uint64_t, kSize>& values, size_t n, uint8_t*& to) {
  uint32_t mask = 0;
  for (size_t i = 0; i < n; i++) {
    if (values[i] == 0) continue;
    mask |= 1u << i;
    store(to, values[i]);
    to += 8;
  }
  return mask;
}

template <size_t kSize>
void get_values(Reader& reader, uint32_t mask, const char* field, std::array<uint64_t, kSize>& values) {
  for (size_t i = 0; mask != 0; i++, mask >>= 1) {
    if (!(mask & 1)) continue;
    values[i] = reader.number<uint64_t>(field);
    reader.check(values[i] != 0, field, "not 0, which is not stored,", 0);
  }
}

}  // namespace

uint64_t encode_state(const vm::State& state, uint64_t call_number, uint8_t* to) {
  uint8_t* const begin = to;
  store(to, state.pc);
  store(to + 4, call_number);
  uint8_t* mask_at = to + 12;
  store(to + 14, static_cast<uint8_t>(state.depth));
  to += 15;
  store(mask_at, static_cast<uint16_t>(put_values(state.regs, kStoredRegisters, to)));
  for (uint32_t depth = 0; depth < state.depth; depth++) {
    const vm::Frame& frame = state.frames[depth];
    store(to, frame.return_pc);
    mask_at = to + 4;
    to += 5;
    *mask_at = static_cast<uint8_t>(put_values(frame.saved, frame.saved.size(), to));
  }
  return static_cast<uint64_t>(to - begin);
}

Result<void> decode_state(Bytes section, uint64_t offset, vm::State& state, uint64_t& call_number) {
  Reader reader(section, offset);
  state = {};
  state.pc = reader.number_in<uint32_t>("state.pc", 0, isa::kMaxSlots);
  call_number = reader.number<uint64_t>("state.callNumber");
  auto mask = reader.number_in<uint16_t>("state.registers", 0, (1u << kStoredRegisters) - 1);
  state.depth = reader.number_in<uint8_t>("state.depth", 0, state.frames.size());
  get_values(reader, mask, "state.register", state.regs);
  for (uint32_t depth = 0; depth < state.depth; depth++) {
    vm::Frame& frame = state.frames[depth];
    frame.return_pc = reader.number_in<uint32_t>("frame.returnPc", 1, isa::kMaxSlots);
    auto saved = reader.number_in<uint8_t>("frame.registers", 0, 15);
    get_values(reader, saved, "frame.register", frame.saved);
  }
  reader.end("state");
  if (reader.failed()) return reader.error();
  state.regs[isa::kFramePointer] = window::frame_pointer(state.depth);
  static_assert(kFirstSaved + std::tuple_size_v<decltype(vm::Frame::saved)> == isa::kFramePointer);
  return {};
}

}  // namespace cti::image
