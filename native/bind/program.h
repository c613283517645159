// Programs as JavaScript objects; native/bind/run.cc starts runs of them.
//
// Thread-safety: the JavaScript thread of the environment only.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "bind/bind.h"
#include "jit/jit.h"
#include "vm/engine.h"
#include "vm/program.h"

namespace cti::bind {

// gs or mask; automatic for any other name.
jit::Addressing addressing_of(const std::string& name);

class ProgramObject : public Napi::ObjectWrap<ProgramObject> {
 public:
  static Napi::Function define(Napi::Env env);

  // (spec): a ProgramSpec with its defaults filled in.
  explicit ProgramObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv env) override;

  // The program behind 'value', which must be an object of this class.
  static ProgramObject& of(const Napi::Value& value);

  std::shared_ptr<const vm::Program> program() const { return program_; }

  // Engines are made when first asked for. 'name' is interpreter, jit or auto; auto is the interpreter where jit cannot be.
  std::shared_ptr<const vm::Engine> engine(Napi::Env env, const std::string& name, const std::string& addressing);

 private:
  // What a slot takes, about: itself, its row, and what engines make of it.
  static constexpr int64_t kBytesPerSlot = 64;

  void load(const Napi::CallbackInfo& info);
  Napi::Value disassemble(const Napi::CallbackInfo& info);
  Napi::Value opcodes(const Napi::CallbackInfo& info);
  Napi::Value functions(const Napi::CallbackInfo& info);
  Napi::Value machine_code(const Napi::CallbackInfo& info);

  std::shared_ptr<const vm::Program> program_;
  std::shared_ptr<const vm::Engine> interpreter_;
  std::array<std::shared_ptr<const vm::Engine>, 3> compiled_;  // by jit::Addressing
  int64_t external_bytes_ = 0;
};

}  // namespace cti::bind
