// Programs as JavaScript objects. lib/runner checks arguments before it calls; what is checked again here is what memory safety rests
// on: that `this` is an object of this file.
//
// Thread-safety: the JavaScript thread of the environment only.
#include "bind/program.h"

#include <cstring>

#include "bind/values.h"

namespace cti::bind {
namespace {

constexpr napi_type_tag kProgramTag = {0x0fa1c8e25b0e4d0f, 0x9a7c35b1e1d84c62};

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

Napi::Function ProgramObject::define(Napi::Env env) {
  return DefineClass(env, "NativeProgram",
                     {
                         InstanceMethod<&ProgramObject::disassemble>("disassemble"),
                         InstanceMethod<&ProgramObject::opcodes>("opcodes"),
                         InstanceMethod<&ProgramObject::functions>("functions"),
                         InstanceMethod<&ProgramObject::machine_code>("machineCode"),
                     });
}

ProgramObject::ProgramObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  guarded(info.Env(), [&] { load(info); });
}

void ProgramObject::Finalize(Napi::BasicEnv env) { Napi::MemoryManagement::AdjustExternalMemory(env, -external_bytes_); }

jit::Addressing addressing_of(const std::string& name) {
  return name == "gs" ? jit::Addressing::gs : name == "mask" ? jit::Addressing::mask : jit::Addressing::automatic;
}

ProgramObject& ProgramObject::of(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kProgramTag)) {
    throw to_js(value.Env(), invalid("expected a program"));
  }
  return *Unwrap(value.As<Napi::Object>());
}

std::shared_ptr<const vm::Engine> ProgramObject::engine(Napi::Env env, const std::string& name, const std::string& addressing) {
  if (name != "interpreter") {
    jit::Addressing wanted = addressing_of(addressing);
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

void ProgramObject::load(const Napi::CallbackInfo& info) {
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

Napi::Value ProgramObject::disassemble(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), guarded(info.Env(), [this] { return program_->disassemble(); }));
}

// Names of the opcode table's rows, one a slot; null for the second slot of an lddw.
Napi::Value ProgramObject::opcodes(const Napi::CallbackInfo& info) {
  auto names = Napi::Array::New(info.Env(), program_->n_slots());
  for (uint32_t pc = 0; pc < program_->n_slots(); pc++) {
    const isa::OpInfo& op = isa::op_info(program_->code().ops[pc]);
    names[pc] = Napi::String::New(info.Env(), std::string(op.name));
    if (op.is_wide()) names[++pc] = info.Env().Null();
  }
  return names;
}

Napi::Value ProgramObject::functions(const Napi::CallbackInfo& info) {
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
Napi::Value ProgramObject::machine_code(const Napi::CallbackInfo& info) {
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

void init_program(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeProgram", ProgramObject::define(env));
  export_function<opcode_table>(env, exports, "opcodeTable");
}

}  // namespace cti::bind
