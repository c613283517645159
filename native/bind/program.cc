// Programs and runs as JavaScript objects. lib/runner checks arguments before it calls; what is checked again here is
// what memory safety rests on: that `this` and a run's program are objects of this file, and that a run was not closed.
//
// Thread-safety: the JavaScript thread of the environment only.
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "bind/bind.h"
#include "jit/jit.h"
#include "vm/engine.h"
#include "vm/program.h"
#include "vm/run.h"

namespace cti::bind {
namespace {

constexpr napi_type_tag kProgramTag = {0x0fa1c8e25b0e4d0f, 0x9a7c35b1e1d84c62};

Error invalid(const std::string& message) { return {ErrorCode::INVALID_ARGUMENT, message}; }

// The bytes of a Uint8Array, valid as long as JavaScript does not run.
Bytes bytes_of(const Napi::Value& value) {
  if (!value.IsTypedArray()) return {};
  auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_uint8_array) throw to_js(value.Env(), invalid("expected a Uint8Array"));
  auto bytes = value.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

std::vector<uint8_t> copy_of(const Napi::Value& value) {
  Bytes bytes = bytes_of(value);
  return {bytes.begin(), bytes.end()};
}

uint64_t uint64_of(const Napi::Value& value) {
  if (value.IsBigInt()) {
    bool lossless = false;
    return value.As<Napi::BigInt>().Uint64Value(&lossless);
  }
  return value.IsNumber() ? static_cast<uint64_t>(value.As<Napi::Number>().Int64Value()) : 0;
}

uint32_t uint32_of(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : 0; }

// Calls 'function' with each element of an array; undefined counts as empty.
template <typename Function>
void for_each(const Napi::Value& value, Function function) {
  if (!value.IsArray()) return;
  auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) function(Napi::Value(array[i]));
}

class ProgramObject : public Napi::ObjectWrap<ProgramObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeProgram",
                       {
                           InstanceMethod<&ProgramObject::disassemble>("disassemble"),
                           InstanceMethod<&ProgramObject::opcodes>("opcodes"),
                           InstanceMethod<&ProgramObject::functions>("functions"),
                           InstanceMethod<&ProgramObject::machine_code>("machineCode"),
                       });
  }

  // (spec): a ProgramSpec with its defaults filled in.
  explicit ProgramObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    guarded(info.Env(), [&] { load(info); });
  }

  void Finalize(Napi::BasicEnv env) override { Napi::MemoryManagement::AdjustExternalMemory(env, -external_bytes_); }

  // The program behind 'value', which must be an object of this class.
  static ProgramObject& of(const Napi::Value& value) {
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kProgramTag)) {
      throw to_js(value.Env(), invalid("expected a program"));
    }
    return *Unwrap(value.As<Napi::Object>());
  }

  std::shared_ptr<const vm::Program> program() const { return program_; }

  // Engines are made when first asked for. 'name' is interpreter, jit or auto; auto is the interpreter where jit cannot be.
  std::shared_ptr<const vm::Engine> engine(Napi::Env env, const std::string& name, const std::string& addressing) {
    if (name != "interpreter") {
      auto wanted = addressing == "gs"     ? jit::Addressing::gs
                    : addressing == "mask" ? jit::Addressing::mask
                                           : jit::Addressing::automatic;
      auto& compiled = compiled_[static_cast<size_t>(wanted)];
      if (!compiled) {
        auto made = jit::make_jit(program_, {wanted});
        if (made) {
          compiled = *std::move(made);
        } else if (name == "jit") {
          throw to_js(env, made.error());
        }
      }
      if (compiled) return compiled;
    }
    if (!interpreter_) interpreter_ = vm::make_interpreter(program_);
    return interpreter_;
  }

 private:
  // What a slot takes, about: itself, its row, and what engines make of it.
  static constexpr int64_t kBytesPerSlot = 64;

  void load(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    auto from = info[0].As<Napi::Object>();
    std::string set = from.Get("kernelFunctions").As<Napi::String>();
    vm::ProgramSpec spec;
    spec.kernel_functions = vm::find_kernel_set(set);
    if (!spec.kernel_functions) throw to_js(env, invalid("kernelFunctions: there is no set " + set));
    spec.code = copy_of(from.Get("code"));
    spec.rodata = copy_of(from.Get("rodata"));
    spec.data = copy_of(from.Get("data"));
    spec.bss_size = uint64_of(from.Get("bssSize"));
    spec.entry = uint32_of(from.Get("entry"));
    for_each(from.Get("functions"), [&](Napi::Value value) { spec.functions.push_back(uint32_of(value)); });
    for_each(from.Get("imports"), [&](Napi::Value value) {
      auto import = value.As<Napi::Object>();
      spec.imports.push_back({import.Get("name").As<Napi::String>(), uint32_of(import.Get("version"))});
    });
    program_ = unwrap(env, vm::Program::load(std::move(spec)));
    info.This().As<Napi::Object>().TypeTag(&kProgramTag);
    auto data_size = static_cast<int64_t>(program_->rodata().size() + program_->data().size());
    external_bytes_ = kBytesPerSlot * program_->n_slots() + data_size;
    Napi::MemoryManagement::AdjustExternalMemory(env, external_bytes_);
  }

  Napi::Value disassemble(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), guarded(info.Env(), [this] { return program_->disassemble(); }));
  }

  // Names of the opcode table's rows, one a slot; null for the second slot of an lddw.
  Napi::Value opcodes(const Napi::CallbackInfo& info) {
    auto names = Napi::Array::New(info.Env(), program_->n_slots());
    for (uint32_t pc = 0; pc < program_->n_slots(); pc++) {
      const isa::OpInfo& op = isa::op_info(program_->code().ops[pc]);
      names[pc] = Napi::String::New(info.Env(), std::string(op.name));
      if (op.is_wide()) names[++pc] = info.Env().Null();
    }
    return names;
  }

  Napi::Value functions(const Napi::CallbackInfo& info) {
    auto list = Napi::Array::New(info.Env());
    for (const isa::Function& function : program_->code().functions) {
      auto item = Napi::Object::New(info.Env());
      item.Set("entry", function.entry);
      item.Set("nSlots", function.n_slots);
      list[list.Length()] = item;
    }
    return list;
  }

  // (engine, addressing) -> { name, code, offsets }: which engine it is, and for compiled code its bytes and where each slot starts.
  Napi::Value machine_code(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    auto engine = this->engine(env, info[0].As<Napi::String>(), info[1].As<Napi::String>());
    jit::Listing listing = jit::listing(*engine);
    auto code = Napi::Uint8Array::New(env, listing.code.size());
    if (!listing.code.empty()) std::memcpy(code.Data(), listing.code.data(), listing.code.size());
    auto offsets = Napi::Uint32Array::New(env, listing.offsets.size());
    if (!listing.offsets.empty()) std::memcpy(offsets.Data(), listing.offsets.data(), listing.offsets.size_bytes());
    auto result = Napi::Object::New(env);
    result.Set("name", listing.code.empty() ? "interpreter" : "jit");
    result.Set("code", code);
    result.Set("offsets", offsets);
    return result;
  }

  std::shared_ptr<const vm::Program> program_;
  std::shared_ptr<const vm::Engine> interpreter_;
  std::array<std::shared_ptr<const vm::Engine>, 3> compiled_;  // by jit::Addressing
  int64_t external_bytes_ = 0;
};

vm::SegmentSource segment_of(const Napi::Object& from) {
  vm::SegmentSource source;
  source.name = from.Get("name").As<Napi::String>();
  source.size = uint64_of(from.Get("size"));
  if (from.Get("fd").IsNumber()) {
    source.fd = from.Get("fd").As<Napi::Number>().Int32Value();
  } else {
    source.bytes = bytes_of(from.Get("bytes"));
    if (source.bytes.size() != source.size) {
      throw to_js(from.Env(), invalid("segment " + source.name + ": size is not that of bytes"));
    }
  }
  source.is_writable = from.Get("writable").ToBoolean();
  return source;
}

class RunObject : public Napi::ObjectWrap<RunObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeRun",
                       {
                           InstanceMethod<&RunObject::step>("step"),
                           InstanceMethod<&RunObject::read>("read"),
                           InstanceMethod<&RunObject::write>("write"),
                           InstanceMethod<&RunObject::segment_addresses>("segmentAddresses"),
                           InstanceMethod<&RunObject::take_output>("takeOutput"),
                           InstanceMethod<&RunObject::close>("close"),
                       });
  }

  // (program, options): StartOptions with their defaults filled in.
  explicit RunObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    guarded(info.Env(), [&] { start(info); });
  }

  void Finalize(Napi::BasicEnv env) override { release(env); }

 private:
  // Page tables and touched pages of a window's page map.
  static constexpr int64_t kWindowOverhead = 64 * 1024;

  void start(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    ProgramObject& program = ProgramObject::of(info[0]);
    auto from = info[1].As<Napi::Object>();
    vm::RunOptions options;
    options.memory = bytes_of(from.Get("memory"));
    for_each(from.Get("segments"), [&](Napi::Value value) {
      options.segments.push_back(segment_of(value.As<Napi::Object>()));
    });
    for_each(from.Get("tables"), [&](Napi::Value value) {
      options.tables.push_back(table_of(value.As<Napi::Object>()));
    });
    if (Napi::Value limit = from.Get("outputLimit"); limit.IsNumber()) options.output_limit = uint64_of(limit);
    if (from.Get("args").IsArray()) {
      auto& args = options.args.emplace();
      size_t n = 0;
      for_each(from.Get("args"), [&](Napi::Value value) {
        if (n < args.size()) args[n++] = uint64_of(value);
      });
    }
    auto engine = program.engine(env, from.Get("engine").As<Napi::String>(), from.Get("addressing").As<Napi::String>());
    run_ = unwrap(env, vm::Run::start(program.program(), std::move(engine), options));
    // The collector must know that a small object holds this much.
    external_bytes_ = static_cast<int64_t>(run_->window().private_bytes()) + kWindowOverhead;
    Napi::MemoryManagement::AdjustExternalMemory(env, external_bytes_);
  }

  static vm::TableMapping table_of(const Napi::Object& from) {
    vm::TableMapping table;
    table.name = from.Get("name").As<Napi::String>();
    table.n_rows = uint64_of(from.Get("nRows"));
    table.generation = uint64_of(from.Get("generation"));
    table.schema_hash = uint64_of(from.Get("schemaHash"));
    for_each(from.Get("segments"), [&](Napi::Value value) {
      auto segment = value.As<Napi::Object>();
      uint32_t stride = uint32_of(segment.Get("stride"));
      table.segments.push_back({segment_of(segment), stride, uint32_of(segment.Get("nRecords"))});
    });
    return table;
  }

  vm::Run& run(Napi::Env env) {
    if (!run_) throw to_js(env, invalid("the run is closed"));
    return *run_;
  }

  // (fuel: bigint) -> { kind, pc, r0?, trap?, address?, fuelUsed }
  Napi::Value step(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    vm::Run& run = this->run(env);
    if (run.has_ended()) throw to_js(env, invalid("the run has ended and cannot go on; start another"));
    int64_t fuel = static_cast<int64_t>(uint64_of(info[0]));
    if (fuel <= 0) throw to_js(env, invalid("fuel: expected 1 to 2^63 - 1"));
    vm::Stop stop = guarded(env, [&] { return run.step(fuel); });
    auto result = Napi::Object::New(env);
    switch (stop.kind) {
      case vm::Stop::Kind::exited:
        result.Set("kind", "exited");
        result.Set("r0", Napi::BigInt::New(env, stop.r0));
        break;
      case vm::Stop::Kind::trapped:
        result.Set("kind", "trapped");
        result.Set("trap", std::string(vm::trap_name(stop.trap)));
        if (vm::trap_has_address(stop.trap)) result.Set("address", stop.address);
        break;
      case vm::Stop::Kind::out_of_fuel:
        result.Set("kind", "out_of_fuel");
        break;
      case vm::Stop::Kind::suspended:
        result.Set("kind", "suspended");
        break;
    }
    result.Set("pc", stop.pc);
    result.Set("fuelUsed", Napi::BigInt::New(env, stop.fuel_used));
    return result;
  }

  // (address, size, intent) -> the host's address, or an error that says what is wrong with the range.
  uint8_t* range(Napi::Env env, uint64_t address, uint64_t size, window::Intent intent) {
    window::Window& window = run(env).window();
    uint8_t* at = window.range(address, size, intent);
    if (at) return at;
    bool is_read_only = window.check(address, size, intent) == window::Denial::read_only;
    throw to_js(env, errorf(ErrorCode::INVALID_ARGUMENT,
                            "address 0x%llx, %llu bytes: not all of it is %s in the window",
                            static_cast<unsigned long long>(address), static_cast<unsigned long long>(size),
                            is_read_only ? "writable" : "mapped"));
  }

  // (address: number, into: Uint8Array): fills it. The caller allocates, because V8 ends the process if it cannot here.
  void read(const Napi::CallbackInfo& info) {
    auto into = info[1].As<Napi::Uint8Array>();
    uint64_t size = bytes_of(into).size();
    const uint8_t* at = range(info.Env(), uint64_of(info[0]), size, window::Intent::read);
    // SAFETY: range() allowed 'size' bytes; nothing was run since that could unmap them.
    if (size > 0) std::memcpy(into.Data(), at, size);
  }

  // (address: number, bytes: Uint8Array)
  void write(const Napi::CallbackInfo& info) {
    Bytes bytes = bytes_of(info[1]);
    uint8_t* at = range(info.Env(), uint64_of(info[0]), bytes.size(), window::Intent::write);
    // SAFETY: as in read().
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  }

  Napi::Value segment_addresses(const Napi::CallbackInfo& info) {
    auto list = Napi::Array::New(info.Env());
    for (uint32_t address : run(info.Env()).segment_addresses()) list[list.Length()] = address;
    return list;
  }

  // () -> Uint8Array: the pieces of vm/output.h since the last call
  Napi::Value take_output(const Napi::CallbackInfo& info) {
    std::vector<uint8_t> pieces = run(info.Env()).output().take();
    auto copy = Napi::Uint8Array::New(info.Env(), pieces.size());
    std::copy(pieces.begin(), pieces.end(), copy.Data());
    return copy;
  }

  void close(const Napi::CallbackInfo& info) { release(info.Env()); }

  void release(Napi::BasicEnv env) {
    run_.reset();
    if (external_bytes_ > 0) Napi::MemoryManagement::AdjustExternalMemory(env, -external_bytes_);
    external_bytes_ = 0;
  }

  std::unique_ptr<vm::Run> run_;
  int64_t external_bytes_ = 0;
};

// The opcode table, for tools and tests: [{ name, code, form }].
Napi::Value opcode_table(const Napi::CallbackInfo& info) {
  auto table = Napi::Array::New(info.Env(), isa::kNumOps);
  for (unsigned i = 0; i < isa::kNumOps; i++) {
    auto row = Napi::Object::New(info.Env());
    row.Set("name", std::string(isa::kOps[i].name));
    row.Set("code", isa::kOps[i].code);
    row.Set("form", std::string(isa::kOps[i].fields().name));
    table[i] = row;
  }
  return table;
}

}  // namespace

void init_program(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeProgram", ProgramObject::define(env));
  exports.Set("NativeRun", RunObject::define(env));
  export_function<opcode_table>(env, exports, "opcodeTable");
}

}  // namespace cti::bind
