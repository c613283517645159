#include <algorithm>

#include "image/sections.h"
#include "image/writer.h"

namespace cti::image {
namespace {

using Encoded = Result<std::vector<uint8_t>>;

Encoded finish(Writer& writer) {
  if (writer.has_long_name()) {
    return Error{ErrorCode::INVALID_ARGUMENT, "a name of more than 255 bytes does not go into an image; give it a shorter one"};
  }
  return writer.take();
}

std::vector<uint8_t> encode_call(const vm::SavedCall& call) {
  Writer writer;
  writer.number(static_cast<uint16_t>(call.number));
  uint8_t mask = 0;
  for (unsigned i = 0; i < call.args.size(); i++) mask = static_cast<uint8_t>(mask | (call.args[i] != 0) << i);
  writer.number(mask);
  for (uint64_t arg : call.args) {
    if (arg != 0) writer.number(arg);
  }
  return writer.take();
}

Encoded encode_memory(const vm::SavedRun& run) {
  Writer writer;
  if (run.memory_size == 0 && run.pieces.empty() && run.stored.empty()) return std::vector<uint8_t>();
  writer.number(static_cast<uint32_t>(run.memory_size));
  writer.number(static_cast<uint16_t>(run.pieces.size()));
  writer.number(static_cast<uint32_t>(run.stored.size()));
  for (const vm::MemoryPiece& piece : run.pieces) {
    writer.number(piece.address);
    writer.number(static_cast<uint32_t>(piece.size));
    writer.number(static_cast<uint8_t>(piece.is_writable));
    writer.name(piece.name);
  }
  for (const vm::StoredBytes& stored : run.stored) {
    writer.number(stored.address);
    writer.number(static_cast<uint32_t>(stored.bytes.size()));
    writer.bytes(stored.bytes);
  }
  return finish(writer);
}

Encoded encode_tables(const std::vector<vm::OpenTable>& tables) {
  Writer writer;
  if (tables.empty()) return std::vector<uint8_t>();
  writer.number(static_cast<uint16_t>(tables.size()));
  for (const vm::OpenTable& table : tables) {
    writer.name(table.node);
    writer.name(table.name);
    writer.number(table.facts.generation);
    writer.number(table.facts.schema_hash);
    writer.number(table.facts.n_rows);
    writer.number(static_cast<uint8_t>(table.is_stale));
    writer.number(static_cast<uint8_t>(table.facts.n_segments));
    for (uint32_t i = 0; i < table.facts.n_segments; i++) {
      const auto& segment = table.facts.segments[i];
      writer.number(static_cast<uint32_t>(segment.address));
      writer.number(static_cast<uint32_t>(segment.size));
      writer.number(segment.stride);
      writer.number(segment.n_records);
    }
  }
  return finish(writer);
}

Encoded encode_regions(const std::vector<vm::OpenRegion>& regions) {
  Writer writer;
  if (regions.empty()) return std::vector<uint8_t>();
  writer.number(static_cast<uint16_t>(regions.size()));
  for (const vm::OpenRegion& region : regions) {
    writer.name(region.node);
    writer.name(region.name);
    writer.number(region.asid);
    writer.number(region.address);
    writer.number(static_cast<uint32_t>(region.size));
    writer.number(static_cast<uint8_t>(region.is_writable | region.is_stale << 1));
  }
  return finish(writer);
}

}  // namespace

Encoded encode_program(const vm::Program& program) {
  Writer writer;
  const auto* found = std::find(std::begin(kKernelSets), std::end(kKernelSets), program.kernel_functions().name());
  if (found == std::end(kKernelSets)) {
    return Error{ErrorCode::INVALID_ARGUMENT, "a program of set " + std::string(program.kernel_functions().name()) + " does not go into an image"};
  }
  auto set = static_cast<uint8_t>(found - std::begin(kKernelSets));
  const isa::CheckedCode& code = program.code();
  writer.number(set);
  writer.number(static_cast<uint16_t>(program.imports().size()));
  writer.number(static_cast<uint32_t>(program.functions().size()));
  writer.number(program.n_slots());
  writer.number(program.entry());
  writer.number(static_cast<uint32_t>(program.rodata_size()));
  Bytes rodata = program.rodata();
  while (!rodata.empty() && rodata.back() == 0) rodata = rodata.first(rodata.size() - 1);
  writer.number(static_cast<uint32_t>(rodata.size()));
  writer.number(static_cast<uint32_t>(program.data_size()));
  for (const vm::Import& import : program.imports()) {
    writer.number(import.version);
    writer.name(import.name);
  }
  for (uint32_t entry : program.functions()) writer.number(entry);
  for (const isa::Slot& slot : code.slots) {
    writer.number(slot.code);
    writer.number(static_cast<uint8_t>(slot.dst | slot.src << 4));
    writer.number(slot.offset);
    writer.number(slot.imm);
  }
  writer.bytes(rodata);
  return finish(writer);
}

std::vector<uint8_t> encode_control(const ControlValues& control) {
  Writer writer;
  uint32_t present = 0;
  writer.number(present);
  for (unsigned i = 0; i < kNumControlFields; i++) {
    if (!control[i]) continue;
    const ControlValue& value = *control[i];
    present |= 1u << i;
    switch (kControlFields[i].type) {
      case FieldType::id:
        writer.text(value.text);
        break;
      case FieldType::u64:
      case FieldType::size:
        writer.number(value.number);
        break;
      case FieldType::u32:
        writer.number(static_cast<uint32_t>(value.number));
        break;
      case FieldType::boolean:
        writer.number(static_cast<uint8_t>(value.number));
        break;
      case FieldType::text:
        writer.number(static_cast<uint16_t>(value.text.size()));
        writer.text(value.text);
        break;
    }
  }
  if (present == 0) return {};
  writer.patch(0, present);
  return writer.take();
}

std::vector<uint8_t> encode_monitors(const std::vector<Monitor>& monitors) {
  Writer writer;
  if (monitors.empty()) return {};
  writer.number(static_cast<uint16_t>(monitors.size()));
  for (const Monitor& monitor : monitors) {
    writer.number(monitor.type);
    writer.number(monitor.address);
    writer.number(monitor.value);
    writer.number(monitor.tag);
  }
  return writer.take();
}

Result<std::vector<uint8_t>> encode(const Image& image) {
  uint8_t state[kMaxStateSize];
  uint64_t state_size = encode_state(image.run.state, image.run.call_number, state);
  std::vector<uint8_t> call;
  if (image.run.call) call = encode_call(*image.run.call);
  Encoded memory = encode_memory(image.run);
  Encoded tables = encode_tables(image.run.tables);
  Encoded regions = encode_regions(image.run.regions);
  auto control = encode_control(image.control);
  auto monitors = encode_monitors(image.monitors);
  for (const Encoded* part : {&memory, &tables, &regions}) {
    if (!*part) return part->error();
  }
  return assemble({{{image.program}, {{state, state_size}}, {call}, {*memory}, {*tables}, {*regions}, {control}, {monitors}}});
}

Result<std::vector<uint8_t>> with_control(Bytes bytes, const ControlValues& control, const std::vector<Monitor>& monitors) {
  auto sections = split(bytes);
  if (!sections) return std::move(sections.error());
  auto new_control = encode_control(control);
  auto new_monitors = encode_monitors(monitors);
  (*sections)[static_cast<unsigned>(Section::control)] = {new_control};
  (*sections)[static_cast<unsigned>(Section::monitors)] = {new_monitors};
  return assemble(*sections);
}

}  // namespace cti::image
