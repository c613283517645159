#include <algorithm>

#include "image/reader.h"
#include "image/sections.h"

namespace cti::image {

const ControlField kControlFields[] = {
#define CTI_CONTROL_FIELD(name, type, is_required) {#name, FieldType::type, is_required},
#include "image/generated/control_fields.inc"
#undef CTI_CONTROL_FIELD
};

namespace {

using window::kGuestPageSize;
using window::kWindowSize;

constexpr uint64_t kMaxRodata = window::kDataBase - window::kRodataBase;
constexpr uint64_t kMaxData = window::kMemoryBase - window::kDataBase;
constexpr uint64_t kMaxMemory = window::kTablesBase - window::kMemoryBase;
constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

constexpr uint64_t whole_pages(uint64_t size) { return (size + kGuestPageSize - 1) & ~uint64_t{kGuestPageSize - 1}; }

// An address and a size among the tables: a page's start, and not past the window.
struct Place {
  uint32_t address;
  uint32_t size;
};
Place read_place(Reader& reader, const char* address_field, const char* size_field) {
  auto address = reader.number_in<uint32_t>(address_field, window::kTablesBase, kWindowSize - kGuestPageSize);
  reader.check(address % kGuestPageSize == 0, address_field, "the start of a page", address);
  auto size = reader.number_in<uint32_t>(size_field, 1, kWindowSize - address);
  return {address, size};
}

void decode_call(Reader reader, vm::SavedRun& run, Result<void>& result) {
  vm::SavedCall call{reader.number<uint16_t>("call.function"), {}};
  auto mask = reader.number_in<uint8_t>("call.arguments", 0, 31);
  for (unsigned i = 0; i < call.args.size(); i++) {
    if (!(mask & 1u << i)) continue;
    call.args[i] = reader.number<uint64_t>("call.argument");
    reader.check(call.args[i] != 0, "call.argument", "not 0, which is not stored,", 0);
  }
  reader.end("call");
  run.call = call;
  if (reader.failed()) result = reader.error();
}

void decode_memory(Reader reader, vm::SavedRun& run, Result<void>& result) {
  run.memory_size = reader.number_in<uint32_t>("memory.size", 0, kMaxMemory);
  auto n_pieces = reader.number_in<uint16_t>("memory.copies", 0, vm::kMaxPieces);
  auto n_stored = reader.count<uint32_t>("memory.stored", ~uint32_t{0}, 9);
  for (unsigned i = 0; i < n_pieces && !reader.failed(); i++) {
    auto [address, size] = read_place(reader, "copy.address", "copy.size");
    uint64_t free_from = run.pieces.empty() ? 0 : run.pieces.back().address + whole_pages(run.pieces.back().size);
    reader.check(address >= free_from, "copy.size", "the end before the next one", address);
    auto writable = reader.number_in<uint8_t>("copy.writable", 0, 1);
    run.pieces.push_back({reader.name("copy.name"), address, size, writable != 0});
  }
  if (reader.failed()) {
    result = reader.error();
    return;
  }
  run.stored.reserve(n_stored);
  uint64_t free_from = 0;
  for (unsigned i = 0; i < n_stored && !reader.failed(); i++) {
    auto address = reader.number_in<uint32_t>("stored.address", free_from, kWindowSize - 1);
    auto size = reader.number_in<uint32_t>("stored.size", 1, kWindowSize - address);
    Bytes bytes = reader.bytes("stored.bytes", size);
    if (reader.failed()) break;
    reader.check(bytes.front() != 0 && bytes.back() != 0, "stored.bytes", "first and last not 0", 0);
    run.stored.push_back({address, bytes});
    free_from = uint64_t{address} + size;
  }
  reader.end("memory");
  if (reader.failed()) result = reader.error();
}

void decode_tables(Reader reader, vm::SavedRun& run, Result<void>& result) {
  auto n = reader.number_in<uint16_t>("tables", 1, vm::kMaxTables);
  for (unsigned i = 0; i < n && !reader.failed(); i++) {
    vm::OpenTable table{reader.name("table.node"), reader.name("table.name"), {}};
    auto has_name = [&](const vm::OpenTable& other) { return other.name == table.name; };
    reader.check(std::none_of(run.tables.begin(), run.tables.end(), has_name), "table.name", "another name for each", i);
    table.facts.generation = reader.number<uint64_t>("table.generation");
    table.facts.schema_hash = reader.number<uint64_t>("table.schema");
    table.facts.n_rows = reader.number_in<uint64_t>("table.rows", 0, kMaxSafeInteger);
    table.is_stale = reader.number_in<uint8_t>("table.stale", 0, 1) != 0;
    table.facts.n_segments = reader.number_in<uint8_t>("table.segments", 0, std::size(table.facts.segments));
    for (uint32_t k = 0; k < table.facts.n_segments && !reader.failed(); k++) {
      auto address = reader.number_in<uint32_t>("segment.address", 0, kWindowSize - kGuestPageSize);
      bool is_empty = address == 0;
      reader.check(is_empty || (address >= window::kTablesBase && address % kGuestPageSize == 0), "segment.address",
                   "0, or a page's start among the tables", address);
      auto size = reader.number_in<uint32_t>("segment.size", is_empty ? 0 : 1, is_empty ? 0 : kWindowSize - address);
      auto stride = reader.number<uint32_t>("segment.stride");
      auto n_records = reader.number<uint32_t>("segment.records");
      table.facts.segments[k] = {address, size, stride, n_records};
    }
    run.tables.push_back(std::move(table));
  }
  reader.end("tables");
  if (reader.failed()) result = reader.error();
}

void decode_regions(Reader reader, vm::SavedRun& run, Result<void>& result) {
  auto n = reader.number_in<uint16_t>("regions", 1, vm::kMaxRegions);
  for (unsigned i = 0; i < n && !reader.failed(); i++) {
    vm::OpenRegion region{reader.name("region.node"), reader.name("region.name"), reader.number<uint32_t>("region.asid"), 0, 0, false};
    auto [address, size] = read_place(reader, "region.address", "region.size");
    region.address = address;
    region.size = size;
    auto flags = reader.number_in<uint8_t>("region.flags", 0, 3);
    region.is_writable = flags & 1;
    region.is_stale = flags & 2;
    run.regions.push_back(std::move(region));
  }
  reader.end("regions");
  if (reader.failed()) result = reader.error();
}

void decode_control(Reader reader, ControlValues& control, Result<void>& result) {
  auto present = reader.number_in<uint32_t>("control.fields", 1, (uint64_t{1} << kNumControlFields) - 1);
  for (unsigned i = 0; i < kNumControlFields && !reader.failed(); i++) {
    if (!(present & 1u << i)) continue;
    const char* field = kControlFields[i].name.data();
    ControlValue& value = control[i].emplace();
    switch (kControlFields[i].type) {
      case FieldType::id: {
        Bytes id = reader.bytes(field, 16);
        value.text.assign(reinterpret_cast<const char*>(id.data()), id.size());
        break;
      }
      case FieldType::u64:
        value.number = reader.number<uint64_t>(field);
        break;
      case FieldType::size:
        value.number = reader.number_in<uint64_t>(field, 0, kMaxSafeInteger);
        break;
      case FieldType::u32:
        value.number = reader.number<uint32_t>(field);
        break;
      case FieldType::boolean:
        value.number = reader.number_in<uint8_t>(field, 0, 1);
        break;
      case FieldType::text:
        value.text = reader.text(field, reader.number_in<uint16_t>(field, 0, kMaxText));
        break;
    }
  }
  reader.end("control");
  if (reader.failed()) result = reader.error();
}

void decode_monitors(Reader reader, std::vector<Monitor>& monitors, Result<void>& result) {
  auto n = reader.number_in<uint16_t>("monitors", 1, kMaxMonitors);
  for (unsigned i = 0; i < n && !reader.failed(); i++) {
    Monitor monitor{};
    monitor.type = reader.number_in<uint8_t>("monitor.type", 0, 3);
    monitor.address = reader.number_in<uint32_t>("monitor.address", 1, kWindowSize - 8);
    monitor.value = reader.number<uint64_t>("monitor.value");
    monitor.tag = reader.number<uint64_t>("monitor.tag");
    monitors.push_back(monitor);
  }
  reader.end("monitors");
  if (reader.failed()) result = reader.error();
}

}  // namespace

Result<vm::ProgramSpec> decode_program(Bytes section, uint64_t offset) {
  Reader reader(section, offset);
  vm::ProgramSpec spec;
  auto set = reader.number_in<uint8_t>("program.set", 0, std::size(kKernelSets) - 1);
  spec.kernel_functions = vm::find_kernel_set(kKernelSets[set]);
  auto n_imports = reader.count<uint16_t>("program.imports", 0xffff, 5);
  auto n_functions = reader.count<uint32_t>("program.functions", isa::kMaxSlots, 4);
  auto n_slots = reader.count<uint32_t>("program.slots", isa::kMaxSlots, isa::kSlotSize);
  spec.entry = reader.number_in<uint32_t>("program.entry", 0, n_slots == 0 ? 0 : n_slots - 1);
  spec.rodata_size = reader.number_in<uint32_t>("program.rodataSize", 0, kMaxRodata);
  auto n_rodata = reader.number_in<uint32_t>("program.rodataStored", 0, spec.rodata_size);
  spec.bss_size = reader.number_in<uint32_t>("program.dataSize", 0, kMaxData);
  for (unsigned i = 0; i < n_imports && !reader.failed(); i++) {
    auto version = reader.number_in<uint32_t>("import.version", 1, ~uint32_t{0});
    spec.imports.push_back({reader.name("import.name"), version});
  }
  for (unsigned i = 0; i < n_functions && !reader.failed(); i++) {
    spec.functions.push_back(reader.number_in<uint32_t>("program.function", 0, n_slots == 0 ? 0 : n_slots - 1));
  }
  Bytes code = reader.bytes("program.code", uint64_t{n_slots} * isa::kSlotSize);
  Bytes rodata = reader.bytes("program.rodata", n_rodata);
  reader.check(reader.failed() || rodata.empty() || rodata.back() != 0, "program.rodata", "a last byte that is not 0", 0);
  reader.end("program");
  if (reader.failed()) return reader.error();
  spec.code.assign(code.begin(), code.end());
  spec.rodata.assign(rodata.begin(), rodata.end());
  return spec;
}

Result<Image> decode(Bytes bytes) {
  auto sections = split(bytes);
  if (!sections) return std::move(sections.error());
  auto section = [&](Section which) { return (*sections)[static_cast<unsigned>(which)]; };
  auto is_there = [&](Section which) { return !section(which).bytes.empty(); };
  auto reader = [&](Section which) { return Reader(section(which).bytes, section(which).offset); };
  Image image;
  image.program = section(Section::program).bytes;
  image.program_offset = section(Section::program).offset;
  vm::SavedRun& run = image.run;
  Result<void> result = decode_state(section(Section::state).bytes, section(Section::state).offset, run.state, run.call_number);
  if (result && is_there(Section::call)) decode_call(reader(Section::call), run, result);
  if (result && is_there(Section::memory)) decode_memory(reader(Section::memory), run, result);
  if (result && is_there(Section::tables)) decode_tables(reader(Section::tables), run, result);
  if (result && is_there(Section::regions)) decode_regions(reader(Section::regions), run, result);
  if (result && is_there(Section::control)) decode_control(reader(Section::control), image.control, result);
  if (result && is_there(Section::monitors)) decode_monitors(reader(Section::monitors), image.monitors, result);
  if (!result) return std::move(result.error());
  return image;
}

}  // namespace cti::image
