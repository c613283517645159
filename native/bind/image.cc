#include "bind/image.h"

#include "bind/values.h"

namespace cti::bind {
namespace {

using image::ControlValue;
using image::FieldType;

Napi::Value big(Napi::Env env, uint64_t value) { return Napi::BigInt::New(env, value); }
Napi::Value number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

constexpr char kHex[] = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) {
    text += kHex[static_cast<uint8_t>(byte) >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string from_hex(const std::string& text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  bytes.resize(16);
  return bytes;
}

ControlValue value_of(FieldType type, const Napi::Value& from) {
  switch (type) {
    case FieldType::id:
      return {0, from_hex(from.As<Napi::String>())};
    case FieldType::text:
      return {0, from.As<Napi::String>()};
    case FieldType::boolean:
      return {from.ToBoolean(), {}};
    case FieldType::u64:
    case FieldType::u32:
    case FieldType::size:
      break;
  }
  return {uint64_of(from), {}};
}

Napi::Value to_js(Napi::Env env, FieldType type, const ControlValue& value) {
  switch (type) {
    case FieldType::id:
      return Napi::String::New(env, to_hex(value.text));
    case FieldType::text:
      return Napi::String::New(env, value.text);
    case FieldType::boolean:
      return Napi::Boolean::New(env, value.number != 0);
    case FieldType::u64:
      return big(env, value.number);
    case FieldType::u32:
    case FieldType::size:
      break;
  }
  return number(env, value.number);
}

template <typename List, typename Function>
Napi::Array list_of(Napi::Env env, const List& items, Function fill) {
  auto list = Napi::Array::New(env);
  for (const auto& item : items) {
    auto object = Napi::Object::New(env);
    fill(object, item);
    list[list.Length()] = object;
  }
  return list;
}

void put_program(Napi::Env env, Napi::Object& facts, const CheckedImage& checked) {
  const vm::Program& program = *checked.program->program();
  facts.Set("set", std::string(program.kernel_functions().name()));
  facts.Set("nSlots", program.n_slots());
  facts.Set("imports", list_of(env, program.imports(), [](Napi::Object& to, const vm::Import& import) {
              to.Set("name", import.name);
              to.Set("version", import.version);
            }));
  facts.Set("programOffset", number(env, checked.image.program_offset));
  facts.Set("programSize", number(env, checked.image.program.size()));
}

void put_state(Napi::Env env, Napi::Object& facts, const vm::SavedRun& run) {
  auto regs = Napi::Array::New(env, run.state.regs.size());
  for (uint32_t i = 0; i < run.state.regs.size(); i++) regs[i] = big(env, run.state.regs[i]);
  facts.Set("regs", regs);
  facts.Set("pc", run.state.pc);
  facts.Set("depth", run.state.depth);
  facts.Set("frames", list_of(env, std::span(run.state.frames).first(run.state.depth), [&](Napi::Object& to, const vm::Frame& frame) {
              to.Set("returnPc", frame.return_pc);
              auto saved = Napi::Array::New(env, frame.saved.size());
              for (uint32_t i = 0; i < frame.saved.size(); i++) saved[i] = big(env, frame.saved[i]);
              to.Set("saved", saved);
            }));
  facts.Set("callNumber", big(env, run.call_number));
}

void put_call(Napi::Env env, Napi::Object& facts, const CheckedImage& checked) {
  facts.Set("pending", env.Null());
  const auto& call = checked.image.run.call;
  if (!call) return;
  auto pending = Napi::Object::New(env);
  const vm::KernelFunction* function = checked.program->program()->kernel_functions().by_number(call->number);
  pending.Set("name", std::string(function->name));
  pending.Set("number", call->number);
  auto args = Napi::Array::New(env, call->args.size());
  for (uint32_t i = 0; i < call->args.size(); i++) args[i] = big(env, call->args[i]);
  pending.Set("args", args);
  facts.Set("pending", pending);
}

void put_memory(Napi::Env env, Napi::Object& facts, const CheckedImage& checked) {
  const vm::SavedRun& run = checked.image.run;
  const vm::Program& program = *checked.program->program();
  std::vector<vm::MemoryPiece> ranges = {{"stack", window::kStackBase, window::kStackSize, true},
                                         {"rodata", window::kRodataBase, program.rodata_size(), false},
                                         {"data", window::kDataBase, program.data_size(), true},
                                         {"memory", window::kMemoryBase, run.memory_size, true}};
  ranges.insert(ranges.end(), run.pieces.begin(), run.pieces.end());
  std::erase_if(ranges, [](const vm::MemoryPiece& range) { return range.size == 0; });
  facts.Set("memory", list_of(env, ranges, [&](Napi::Object& to, const vm::MemoryPiece& range) {
              uint64_t stored = range.address == window::kRodataBase ? program.rodata().size() : 0;
              for (const vm::StoredBytes& bytes : run.stored) {
                // The rest of the last page is the program's, too.
                uint64_t end = (range.address + range.size + window::kGuestPageSize - 1) & ~uint64_t{window::kGuestPageSize - 1};
                if (bytes.address >= range.address && bytes.address < end) stored += bytes.bytes.size();
              }
              to.Set("name", range.name);
              to.Set("address", range.address);
              to.Set("size", number(env, range.size));
              to.Set("writable", range.is_writable);
              to.Set("stored", number(env, stored));
            }));
}

void put_mappings(Napi::Env env, Napi::Object& facts, const vm::SavedRun& run) {
  facts.Set("tables", list_of(env, run.tables, [&](Napi::Object& to, const vm::OpenTable& table) {
              to.Set("node", table.node);
              to.Set("table", table.name);
              to.Set("generation", big(env, table.facts.generation));
              to.Set("schemaHash", big(env, table.facts.schema_hash));
              to.Set("nRows", number(env, table.facts.n_rows));
              to.Set("isStale", table.is_stale);
              to.Set("segments", list_of(env, std::span(table.facts.segments).first(table.facts.n_segments), [&](Napi::Object& part, const auto& segment) {
                       part.Set("address", number(env, segment.address));
                       part.Set("size", number(env, segment.size));
                       part.Set("stride", segment.stride);
                       part.Set("nRecords", segment.n_records);
                     }));
            }));
  facts.Set("regions", list_of(env, run.regions, [&](Napi::Object& to, const vm::OpenRegion& region) {
              to.Set("node", region.node);
              to.Set("name", region.name);
              to.Set("asid", region.asid);
              to.Set("address", region.address);
              to.Set("size", number(env, region.size));
              to.Set("writable", region.is_writable);
              to.Set("isStale", region.is_stale);
            }));
}

// (bytes) -> ImageFacts, less what lib/runner/image.ts adds; the image checked wholly.
Napi::Value decode_image(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  CheckedImage checked = unwrap(env, check_image(bytes_of(info[0])));
  auto facts = Napi::Object::New(env);
  put_program(env, facts, checked);
  put_state(env, facts, checked.image.run);
  put_call(env, facts, checked);
  put_memory(env, facts, checked);
  put_mappings(env, facts, checked.image.run);
  auto control = Napi::Object::New(env);
  for (unsigned i = 0; i < image::kNumControlFields; i++) {
    const image::ControlField& field = image::kControlFields[i];
    if (const auto& value = checked.image.control[i]) control.Set(std::string(field.name), to_js(env, field.type, *value));
  }
  facts.Set("control", control);
  facts.Set("monitors", list_of(env, checked.image.monitors, [&](Napi::Object& to, const image::Monitor& monitor) {
              to.Set("type", uint32_t{monitor.type});
              to.Set("address", monitor.address);
              to.Set("value", big(env, monitor.value));
              to.Set("tag", big(env, monitor.tag));
            }));
  return facts;
}

Napi::Value to_bytes(Napi::Env env, const std::vector<uint8_t>& bytes) {
  auto copy = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.Data());
  return copy;
}

// (bytes) -> the program's disassembly
Napi::Value disassemble_image(const Napi::CallbackInfo& info) {
  CheckedImage checked = unwrap(info.Env(), check_image(bytes_of(info[0])));
  return Napi::String::New(info.Env(), checked.program->program()->disassemble());
}

// (bytes, { fields, monitors }) -> bytes with these instead
Napi::Value with_control(const Napi::CallbackInfo& info) {
  auto control = info[1].As<Napi::Object>();
  return to_bytes(info.Env(), unwrap(info.Env(), image::with_control(bytes_of(info[0]), control_of(control), monitors_of(control))));
}

// () -> { nPrograms, nBytes } of the program cache; (true) empties it before.
Napi::Value program_cache(const Napi::CallbackInfo& info) {
  image::ProgramCache& cache = image::ProgramCache::shared();
  if (info[0].ToBoolean()) cache.clear();
  auto facts = Napi::Object::New(info.Env());
  facts.Set("nPrograms", number(info.Env(), cache.n_programs()));
  facts.Set("nBytes", number(info.Env(), cache.n_bytes()));
  return facts;
}

}  // namespace

image::ControlValues control_of(const Napi::Object& from) {
  auto fields = from.Get("fields").As<Napi::Object>();
  image::ControlValues values;
  for (unsigned i = 0; i < image::kNumControlFields; i++) {
    Napi::Value value = fields.Get(std::string(image::kControlFields[i].name));
    if (!value.IsUndefined()) values[i] = value_of(image::kControlFields[i].type, value);
  }
  return values;
}

std::vector<image::Monitor> monitors_of(const Napi::Object& from) {
  std::vector<image::Monitor> monitors;
  for_each(from.Get("monitors"), [&](Napi::Value item) {
    auto monitor = item.As<Napi::Object>();
    monitors.push_back({static_cast<uint8_t>(uint32_of(monitor.Get("type"))), uint32_of(monitor.Get("address")),
                        uint64_of(monitor.Get("value")), uint64_of(monitor.Get("tag"))});
  });
  return monitors;
}

Result<CheckedImage> check_image(Bytes bytes) {
  auto image = image::decode(bytes);
  if (!image) return std::move(image.error());
  auto& cache = image::ProgramCache::shared();
  auto program = cache.load(image->program, image->program_offset);
  if (!program) return std::move(program.error());
  CTI_TRY(image::check(image->run, *(*program)->program(), (*program)->facts()));
  cache.keep(image->program, *program);
  return CheckedImage{*std::move(image), *std::move(program)};
}

void init_image(Napi::Env env, Napi::Object exports) {
  export_function<decode_image>(env, exports, "decodeImage");
  export_function<disassemble_image>(env, exports, "disassembleImage");
  export_function<with_control>(env, exports, "withControl");
  export_function<program_cache>(env, exports, "programCache");
}

}  // namespace cti::bind
