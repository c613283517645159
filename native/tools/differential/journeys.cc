#include "tools/differential/journeys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "sys/memory.h"
#include "tools/differential/generator.h"

namespace cti::differential {
namespace {

using image::EngineChoice;
using jit::Addressing;
using vm::Stop;

constexpr uint64_t kTotalFuel = 3000;
constexpr uint64_t kMaxSlice = 400;

// The seed decides; each stop has another.
std::pair<EngineChoice, Addressing> engine_for(uint64_t n_stop) {
  switch (n_stop % 3) {
    case 0:
      return {EngineChoice::interpreter, Addressing::automatic};
    case 1:
      return {EngineChoice::jit, Addressing::mask};
    default:
      return {EngineChoice::jit, Addressing::automatic};
  }
}

bool is_end(const Stop& stop) { return stop.kind == Stop::Kind::exited || stop.kind == Stop::Kind::trapped; }

Result<std::vector<uint8_t>> image_of(const vm::Run& run, const image::ControlValues& control = {},
                                      const std::vector<image::Monitor>& monitors = {}) {
  auto program = image::encode_program(run.program());
  if (!program) return std::move(program.error());
  image::Image image;
  image.program = *program;
  image.run = run.save();
  image.control = control;
  image.monitors = monitors;
  return image::encode(image);
}

std::string describe_difference(const std::string& where, const Stop& a, const Stop& b) {
  return where + ": " + describe(a) + " but " + describe(b);
}

}  // namespace

Result<std::shared_ptr<const vm::Program>> load_traveller(uint64_t seed) {
  vm::ProgramSpec spec = generate(seed, image_world());
  spec.rodata = {1, 2, 3, 0, 5};
  spec.rodata_size = 4096;
  spec.bss_size = 8192;
  return vm::Program::load(std::move(spec));
}

Result<std::unique_ptr<vm::Run>> start_traveller(std::shared_ptr<const vm::Program> program, std::shared_ptr<const vm::Engine> engine,
                                                 uint64_t seed, bool has_table) {
  Random random(seed * 7 + 3);
  std::vector<uint8_t> memory(8192), segment(4096);
  for (auto* bytes : {&memory, &segment}) {
    // Some of it: what is zero is not stored.
    for (size_t i = 0; i < bytes->size(); i += 8 * (1 + random.below(40))) store(bytes->data() + i, random.next());
  }
  vm::RunOptions options;
  options.memory = memory;
  options.segments.push_back({"segment", -1, segment, segment.size(), true});
  if (has_table) options.tables.push_back({"local://a", "flows", 512, 3, 0x1234, {{{"rows", -1, segment, segment.size()}, 8, 512}}});
  options.args = {window::kMemoryBase, 8192, random.next(), random.next() >> 32, random.below(9)};
  options.suspends = true;
  return vm::Run::start(std::move(program), std::move(engine), options);
}

Result<void> answer_call(vm::Run& run, uint64_t seed) {
  const vm::PendingCall& call = run.pending();
  Random random(seed ^ call.number * 0x9e37);
  std::vector<uint8_t> bytes(16);
  store(bytes.data(), random.next());
  std::vector<vm::CallOutput> outputs;
  for (const vm::BufferArg& buffer : call.function->buffers) {
    if (buffer.direction == vm::Direction::none || buffer.direction == vm::Direction::in) continue;
    outputs.push_back({buffer.arg, Bytes(bytes).first(std::min<uint64_t>(bytes.size(), call.buffer_size(buffer)))});
  }
  uint64_t r0 = random.next() ^ call.args[0];
  for (const auto& input : call.inputs) {
    for (uint8_t byte : input.value_or(std::vector<uint8_t>())) r0 = r0 * 31 + byte;
  }
  return run.answer_value(r0, outputs);
}

Result<std::unique_ptr<Journeys>> Journeys::create() {
  std::unique_ptr<Journeys> journeys(new Journeys);
  char name[] = "/tmp/cti-image-XXXXXX";
  journeys->file_ = sys::UniqueFd(::mkstemp(name));
  if (journeys->file_.get() < 0) return system_error(errno, "make a file for images");
  ::unlink(name);
  return journeys;
}

Result<std::unique_ptr<vm::Run>> Journeys::travel(const vm::Run& run, uint64_t n_stop) {
  auto bytes = image_of(run);
  if (!bytes) return std::move(bytes.error());
  counts_.bytes += bytes->size();
  counts_.smallest = std::min<uint64_t>(counts_.smallest, bytes->size());
  auto size = static_cast<ssize_t>(bytes->size());
  std::vector<uint8_t> read(bytes->size());
  if (::pwrite(file_.get(), bytes->data(), bytes->size(), 0) != size || ::pread(file_.get(), read.data(), read.size(), 0) != size) {
    return system_error(errno, "keep an image in a file");
  }
  auto image = image::decode(read);
  if (!image) return std::move(image.error());
  auto& cache = image::ProgramCache::shared();
  auto program = cache.load(image->program, image->program_offset);
  if (!program) return std::move(program.error());
  CTI_TRY(image::check(image->run, *(*program)->program(), (*program)->facts()));
  cache.keep(image->program, *program);
  auto [choice, addressing] = engine_for(n_stop);
  auto engine = (*program)->engine(choice, addressing);
  if (!engine) return std::move(engine.error());
  return vm::Run::restore((*program)->program(), *engine, image->run, {}, vm::Output::kDefaultLimit);
}

std::optional<std::string> Journeys::run(uint64_t seed) {
  auto program = load_traveller(seed);
  if (!program) return "the generator's program is refused: " + program.error().message;
  auto engine = vm::make_interpreter(*program);
  auto alone = start_traveller(*program, engine, seed);
  auto traveller = start_traveller(*program, engine, seed);
  if (!alone || !traveller) return "no window";

  Stop expected{};
  uint64_t fuel_alone = 0;
  do {
    expected = (*alone)->step(static_cast<int64_t>(kTotalFuel - fuel_alone));
    fuel_alone += expected.fuel_used;
    if (is_end(expected) || fuel_alone >= kTotalFuel) break;
    if (auto answered = answer_call(**alone, seed); !answered) return answered.error().message;
  } while (true);

  Random random(seed * 11 + 5);
  std::unique_ptr<vm::Run> run = *std::move(traveller);
  bool is_slow = random.one_in(8);  // every slice 1
  Stop stop{};
  uint64_t fuel = 0;
  for (uint64_t n_stop = random.below(3);; n_stop++) {
    uint64_t slice = is_slow || random.one_in(6) ? 1 : 1 + random.below(kMaxSlice);
    stop = run->step(static_cast<int64_t>(std::min(slice, kTotalFuel - fuel)));
    fuel += stop.fuel_used;
    if (is_end(stop) || fuel >= kTotalFuel) break;
    (stop.kind == Stop::Kind::suspended ? counts_.stops_at_calls : counts_.stops_for_fuel)++;
    counts_.deepest = std::max<uint64_t>(counts_.deepest, run->state().depth);
    auto next = travel(*run, n_stop);
    if (!next) return describe(stop) + ": " + next.error().message;
    run = *std::move(next);
    if (stop.kind == Stop::Kind::suspended) {
      if (auto answered = answer_call(*run, seed); !answered) return answered.error().message;
    }
  }
  last_stop_ = stop;
  bool same = stop.kind == expected.kind && stop.trap == expected.trap && stop.pc == expected.pc && stop.r0 == expected.r0 &&
              stop.address == expected.address && fuel == fuel_alone;
  if (!same) return describe_difference("the ends differ", expected, stop) + ", fuel in all " + std::to_string(fuel_alone) + " but " + std::to_string(fuel);
  // Their images have the registers, frames and memory; those of the program differ in what was data at first.
  vm::SavedRun a = (*alone)->save(), b = run->save();
  if (a.state.regs != b.state.regs || a.state.depth != b.state.depth || a.call_number != b.call_number) return "the registers differ at the end";
  for (uint32_t i = 0; i < a.state.depth; i++) {
    if (a.state.frames[i].saved != b.state.frames[i].saved || a.state.frames[i].return_pc != b.state.frames[i].return_pc) return "the frames differ at the end";
  }
  auto same_bytes = [](const vm::StoredBytes& x, const vm::StoredBytes& y) {
    return x.address == y.address && std::equal(x.bytes.begin(), x.bytes.end(), y.bytes.begin(), y.bytes.end());
  };
  if (!std::equal(a.stored.begin(), a.stored.end(), b.stored.begin(), b.stored.end(), same_bytes)) return "the memory differs at the end";
  return {};
}

Result<std::vector<uint8_t>> sample_image(uint64_t seed, bool has_more) {
  auto program = load_traveller(seed);
  if (!program) return std::move(program.error());
  Random random(seed * 13 + 7);
  auto run = start_traveller(*program, vm::make_interpreter(*program), seed, has_more);
  if (!run) return std::move(run.error());
  image::ControlValues control;
  std::vector<image::Monitor> monitors;
  bool has_mappings = false;
  for (unsigned i = 0; i < 12; i++) {
    Stop stop = (*run)->step(1 + random.below(100));
    if (is_end(stop)) return std::vector<uint8_t>();
    bool waits = stop.kind == Stop::Kind::suspended;
    if (waits && has_more && !has_mappings) {
      has_mappings = true;
      auto fd = sys::create_memfd("region");
      if (!fd) return std::move(fd.error());
      if (::ftruncate(fd->get(), 8192) < 0 || ::fcntl(fd->get(), F_ADD_SEALS, F_SEAL_SHRINK) < 0) return system_error(errno, "make a region");
      CTI_TRY((*run)->answer_region({"local://a", "region", 7, fd->get(), 8192, true}, {}));
      continue;
    }
    if (random.one_in(3)) break;
    if (waits) CTI_TRY(answer_call(**run, seed));
  }
  if (has_more) {
    for (unsigned i = 0; i < image::kNumControlFields; i++) {
      auto type = image::kControlFields[i].type;
      bool is_text = type == image::FieldType::text;
      control[i] = image::ControlValue{type == image::FieldType::boolean ? 1 : random.next() >> 40,
                                       type == image::FieldType::id ? "0123456789abcdef" : is_text ? "local://a" : ""};
    }
    monitors.push_back({2, window::kTablesBase, random.next(), 5});
  }
  return image_of(**run, control, monitors);
}

}  // namespace cti::differential
