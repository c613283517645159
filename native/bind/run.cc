// Runs as JavaScript objects. lib/runner checks arguments before it calls; what is checked again here is what memory safety rests on:
// that `this` and a run's program are objects of this folder, and that a run was not closed.
//
// Thread-safety: the JavaScript thread of the environment only.
#include "vm/run.h"

#include <cstring>
#include <optional>

#include "bind/image.h"
#include "bind/program.h"
#include "bind/values.h"

namespace cti::bind {
namespace {

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

vm::TableMapping table_of(const Napi::Object& from) {
  vm::TableMapping table;
  table.node = from.Get("node").As<Napi::String>();
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

vm::RegionMapping region_of(const Napi::Object& from) {
  vm::RegionMapping region;
  region.node = from.Get("node").As<Napi::String>();
  region.name = from.Get("name").As<Napi::String>();
  region.asid = uint32_of(from.Get("asid"));
  region.fd = from.Get("fd").As<Napi::Number>().Int32Value();
  region.size = uint64_of(from.Get("size"));
  region.is_writable = from.Get("writable").ToBoolean();
  return region;
}

class RunObject : public Napi::ObjectWrap<RunObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeRun",
                       {
                           InstanceMethod<&RunObject::step>("step"),
                           InstanceMethod<&RunObject::restart>("restart"),
                           InstanceMethod<&RunObject::pending>("pending"),
                           InstanceMethod<&RunObject::answer>("answer"),
                           InstanceMethod<&RunObject::private_bytes>("privateBytes"),
                           InstanceMethod<&RunObject::save>("save"),
                           InstanceMethod<&RunObject::suspend_state>("suspendState"),
                           InstanceMethod<&RunObject::resume_state>("resumeState"),
                           InstanceMethod<&RunObject::copy_state>("copyState"),
                           InstanceMethod<&RunObject::read>("read"),
                           InstanceMethod<&RunObject::write>("write"),
                           InstanceMethod<&RunObject::segment_addresses>("segmentAddresses"),
                           InstanceMethod<&RunObject::take_output>("takeOutput"),
                           InstanceMethod<&RunObject::close>("close"),
                       });
  }

  // (program, options): StartOptions with their defaults filled in. (image, options): ResumeOptions likewise.
  explicit RunObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    guarded(info.Env(), [&] { info[0].IsTypedArray() ? resume(info) : start(info); });
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
    options.suspends = from.Get("suspends").ToBoolean();
    if (from.Get("args").IsArray()) {
      auto& args = options.args.emplace();
      size_t n = 0;
      for_each(from.Get("args"), [&](Napi::Value value) {
        if (n < args.size()) args[n++] = uint64_of(value);
      });
    }
    auto engine = program.engine(env, from.Get("engine").As<Napi::String>(), from.Get("addressing").As<Napi::String>());
    run_ = unwrap(env, vm::Run::start(program.program(), std::move(engine), options));
    report_memory(env);
  }

  // (program, engine, addressing)
  void restart(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    guarded(env, [&] {
      ProgramObject& program = ProgramObject::of(info[0]);
      auto engine = program.engine(env, info[1].As<Napi::String>(), info[2].As<Napi::String>());
      unwrap(env, run(env).restart(program.program(), std::move(engine)));
    });
    report_memory(env);
  }

  void resume(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    auto from = info[1].As<Napi::Object>();
    vm::Mappings mappings;
    for_each(from.Get("tables"), [&](Napi::Value value) {
      auto& table = mappings.tables.emplace_back();
      if (value.IsObject()) table = table_of(value.As<Napi::Object>());
    });
    for_each(from.Get("regions"), [&](Napi::Value value) {
      auto& region = mappings.regions.emplace_back();
      if (value.IsObject()) region = region_of(value.As<Napi::Object>());
    });
    CheckedImage checked = unwrap(env, check_image(bytes_of(info[0])));
    std::string name = from.Get("engine").As<Napi::String>();
    std::string addressing = from.Get("addressing").As<Napi::String>();
    auto choice = name == "jit"           ? image::EngineChoice::jit
                  : name == "interpreter" ? image::EngineChoice::interpreter
                                          : image::EngineChoice::automatic;
    auto engine = unwrap(env, checked.program->engine(choice, addressing_of(addressing)));
    run_ = unwrap(env, vm::Run::restore(checked.program->program(), std::move(engine), checked.image.run, mappings,
                                        uint64_of(from.Get("outputLimit"))));
    report_memory(env);
  }

  // ({ fields, monitors }, largest image to be given as text) -> Uint8Array, or a string of as many characters
  Napi::Value save(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    vm::Run& run = this->run(env);
    if (run.is_over()) throw to_js(env, invalid("the run has ended; there is nothing that could go on"));
    auto control = info[0].As<Napi::Object>();
    size_t max_text = info[1].As<Napi::Number>().Uint32Value();
    return guarded(env, [&]() -> Napi::Value {
      auto program = unwrap(env, image::encode_program(run.program()));
      image::Image image;
      image.program = program;
      image.run = run.save();
      image.control = control_of(control);
      image.monitors = monitors_of(control);
      auto bytes = unwrap(env, image::encode(image));
      if (bytes.size() <= max_text) {
        // Napi::String has no maker for Latin-1.
        napi_value text = nullptr;
        if (napi_create_string_latin1(env, reinterpret_cast<const char*>(bytes.data()), bytes.size(), &text) != napi_ok) throw Napi::Error::New(env);
        return Napi::Value(env, text);
      }
      auto copy = Napi::Uint8Array::New(env, bytes.size());
      std::copy(bytes.begin(), bytes.end(), copy.Data());
      return copy;
    });
  }

  // () -> bytes of the state section, which stays in this object
  Napi::Value suspend_state(const Napi::CallbackInfo& info) {
    vm::Run& run = this->run(info.Env());
    if (!kept_state_) guarded(info.Env(), [&] { kept_state_ = std::make_unique<KeptState>(run.program()); });
    kept_state_->size = image::encode_state(run.state(), run.pending().number, kept_state_->block.data());
    return Napi::Number::New(info.Env(), static_cast<double>(kept_state_->size));
  }

  // What suspend_state() left becomes the run's registers and frames again, checked as what comes from elsewhere is.
  void resume_state(const Napi::CallbackInfo& info) {
    vm::Run& run = this->run(info.Env());
    if (!kept_state_) throw to_js(info.Env(), invalid("suspendState() has left nothing yet"));
    vm::State state;
    uint64_t call_number = 0;
    unwrap(info.Env(), image::decode_state({kept_state_->block.data(), kept_state_->size}, 0, state, call_number));
    unwrap(info.Env(), image::check_state(state, run.program(), kept_state_->facts));
    run.set_state(state);
  }

  // Copies what suspend_state() left, and that is all: what the two above are measured against (scripts/bench/vm-image.ts).
  void copy_state(const Napi::CallbackInfo& info) {
    if (!kept_state_) throw to_js(info.Env(), invalid("suspendState() has left nothing yet"));
    KeptState& kept = *kept_state_;
    std::memcpy(kept.copy.data(), kept.block.data(), kept.size);
    asm volatile("" : : "r"(kept.copy.data()) : "memory");  // it is not left out
  }

  // The collector must know that a small object holds this much.
  void report_memory(Napi::Env env) {
    int64_t now = static_cast<int64_t>(run_->window().private_bytes()) + kWindowOverhead;
    Napi::MemoryManagement::AdjustExternalMemory(env, now - external_bytes_);
    external_bytes_ = now;
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
    if (run.pending().function) throw to_js(env, invalid("the run waits for the answer to its call"));
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

  // { regions: [{ node, name, asid, address, size, writable, isStale }], tables: [{ name, address }], nPieces }: what is mapped beside the
  // program's own; null if nothing is. A table's address is that of its first segment with any bytes.
  static Napi::Value mapped_of(Napi::Env env, const vm::Run& run) {
    if (run.regions().empty() && run.tables().empty() && run.pieces().empty()) return env.Null();
    auto regions = Napi::Array::New(env, run.regions().size());
    for (uint32_t i = 0; i < run.regions().size(); i++) {
      const vm::OpenRegion& region = run.regions()[i];
      auto item = Napi::Object::New(env);
      item.Set("node", region.node);
      item.Set("name", region.name);
      item.Set("asid", region.asid);
      item.Set("address", region.address);
      item.Set("size", static_cast<double>(region.size));
      item.Set("writable", region.is_writable);
      item.Set("isStale", region.is_stale);
      regions[i] = item;
    }
    auto tables = Napi::Array::New(env, run.tables().size());
    for (uint32_t i = 0; i < run.tables().size(); i++) {
      const vm::OpenTable& table = run.tables()[i];
      uint32_t first = 0;
      while (first + 1 < table.facts.n_segments && table.facts.segments[first].size == 0) first++;
      auto item = Napi::Object::New(env);
      item.Set("name", table.name);
      item.Set("address", static_cast<double>(table.facts.segments[first].address));
      tables[i] = item;
    }
    auto result = Napi::Object::New(env);
    result.Set("regions", regions);
    result.Set("tables", tables);
    result.Set("nPieces", static_cast<double>(run.pieces().size()));
    return result;
  }

  // () -> { name, number, args, callNumber, inputs, mapped }, or null if no call waits
  Napi::Value pending(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const vm::PendingCall& call = run(env).pending();
    if (!call.function) return env.Null();
    auto result = Napi::Object::New(env);
    result.Set("name", std::string(call.function->name));
    result.Set("number", call.function->number);
    result.Set("callNumber", Napi::BigInt::New(env, call.number));
    auto args = Napi::Array::New(env, call.args.size());
    auto inputs = Napi::Array::New(env, call.args.size());
    for (uint32_t i = 0; i < call.args.size(); i++) {
      args[i] = Napi::BigInt::New(env, call.args[i]);
      inputs[i] = env.Null();
      if (!call.inputs[i]) continue;
      auto bytes = Napi::Uint8Array::New(env, call.inputs[i]->size());
      std::copy(call.inputs[i]->begin(), call.inputs[i]->end(), bytes.Data());
      inputs[i] = bytes;
    }
    result.Set("args", args);
    result.Set("inputs", inputs);
    result.Set("mapped", mapped_of(env, run(env)));
    return result;
  }

  // (answer): an Answer of lib/runner/call.ts with its defaults filled in.
  void answer(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    vm::Run& run = this->run(env);
    auto from = info[0].As<Napi::Object>();
    std::string kind = from.Get("kind").As<Napi::String>();
    std::vector<vm::CallOutput> outputs;
    for_each(from.Get("outputs"), [&](Napi::Value value) {
      auto output = value.As<Napi::Object>();
      outputs.push_back({uint64_of(output.Get("arg")), bytes_of(output.Get("bytes"))});
    });
    guarded(env, [&] {
      if (kind == "value") {
        unwrap(env, run.answer_value(uint64_of(from.Get("r0")), outputs));
      } else if (kind == "table") {
        unwrap(env, run.answer_table(uint64_of(from.Get("arg")), table_of(from.Get("table").As<Napi::Object>())));
      } else if (kind == "region") {
        unwrap(env, run.answer_region(region_of(from.Get("region").As<Napi::Object>()), outputs));
      } else if (kind == "copy") {
        unwrap(env, run.answer_copy(from.Get("name").As<Napi::String>(), bytes_of(from.Get("bytes")), outputs));
      } else if (kind == "unmap") {
        unwrap(env, run.answer_unmap(uint64_of(from.Get("address"))));
      } else {
        unwrap(env, run.answer_end(uint64_of(from.Get("r0"))));
      }
    });
    report_memory(env);
  }

  Napi::Value private_bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(run(info.Env()).window().private_bytes()));
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

  // () -> Uint8Array: the pieces of vm/output.h since the last call; null: none
  Napi::Value take_output(const Napi::CallbackInfo& info) {
    std::vector<uint8_t> pieces = run(info.Env()).output().take();
    if (pieces.empty()) return info.Env().Null();
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
  // Of suspend_state() and what belongs to it. Apart, because thousands of closed runs may wait for the collector.
  struct KeptState {
    explicit KeptState(const vm::Program& program) : facts(program) {}
    std::array<uint8_t, image::kMaxStateSize> block;
    std::array<uint8_t, image::kMaxStateSize> copy;
    uint64_t size = 0;
    image::ProgramFacts facts;
  };
  std::unique_ptr<KeptState> kept_state_;
  int64_t external_bytes_ = 0;
};

}  // namespace

void init_run(Napi::Env env, Napi::Object exports) { exports.Set("NativeRun", RunObject::define(env)); }

}  // namespace cti::bind
