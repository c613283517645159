// measure() for scripts/bpf-bench and the benchmarks.
//
// Thread-safety: the JavaScript thread of the environment only.
#include "bind/bind.h"
#include "jit/measure.h"

namespace cti::bind {
namespace {

Bytes bytes_of(const Napi::Value& value) {
  auto bytes = value.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

// (code: Uint8Array, memory: Uint8Array, seconds: number, engine, addressing) -> { loadNs, compileNs, execNs, r0, nSlots }
Napi::Value measure(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::string engine = info[3].As<Napi::String>();
  std::string addressing = info[4].As<Napi::String>();
  jit::Options options;
  if (addressing == "gs") options.addressing = jit::Addressing::gs;
  if (addressing == "mask") options.addressing = jit::Addressing::mask;
  jit::Measured measured = unwrap(env, jit::measure(bytes_of(info[0]), bytes_of(info[1]), info[2].As<Napi::Number>().DoubleValue(),
                                                    engine == "interpreter", options));
  if (measured.stop.kind != vm::Stop::Kind::exited) {
    throw to_js(env, errorf(ErrorCode::PROGRAM_TRAPPED, "the program did not exit: it stopped at pc %u", measured.stop.pc));
  }
  auto result = Napi::Object::New(env);
  result.Set("loadNs", measured.load_ns);
  result.Set("compileNs", measured.compile_ns);
  result.Set("execNs", measured.exec_ns);
  result.Set("r0", Napi::BigInt::New(env, measured.stop.r0));
  result.Set("nSlots", measured.n_slots);
  return result;
}

}  // namespace

void init_measure(Napi::Env env, Napi::Object exports) { exports.Set("measure", Napi::Function::New<measure>(env, "measure")); }

}  // namespace cti::bind
