#include "tools/differential/lab.h"

#include <cinttypes>
#include <cstdio>

#include "tools/differential/random.h"

namespace cti::differential {
namespace {

using vm::KernelArgs;
using vm::KernelResult;
using vm::Stop;

KernelResult add_one(vm::Environment&, const KernelArgs& args) { return vm::answer(args[0] + args[1] + 1, 1); }
KernelResult unwind(vm::Environment&, const KernelArgs& args) {
  return {args[0] == 0 ? KernelResult::Kind::end : KernelResult::Kind::value, args[0], 1};
}
KernelResult trap(vm::Environment&, const KernelArgs&) { return {KernelResult::Kind::trap, 0, 3}; }
KernelResult suspend(vm::Environment&, const KernelArgs& args) { return {KernelResult::Kind::suspend, args[0], 2}; }
KernelResult charge(vm::Environment&, const KernelArgs& args) { return vm::answer(~args[1], args[0] & 0xff); }
KernelResult add_to(vm::Environment& env, const KernelArgs& args) {
  uint8_t* at = env.window.range(args[0], 8, window::Intent::write);
  if (!at) return vm::refuse(EFAULT);
  store(at, load<uint64_t>(at) + args[1]);
  return vm::answer(0, 1);
}

constexpr vm::KernelFunction kFunctions[] = {
    {1, "add_one", 1, add_one}, {5, "unwind", 1, unwind}, {6, "trap", 1, trap},
    {7, "suspend", 1, suspend}, {8, "charge", 1, charge}, {9, "add_to", 1, add_to},
};

std::string text(const char* format, auto... values) {
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

std::string compare_stops(const Stop& a, const Stop& b) {
  bool same = a.kind == b.kind && a.trap == b.trap && a.pc == b.pc && a.r0 == b.r0 && a.address == b.address && a.fuel_used == b.fuel_used;
  return same ? "" : describe(a) + " but " + describe(b);
}

std::string compare_states(const vm::State& a, const vm::State& b) {
  for (unsigned i = 0; i < a.regs.size(); i++) {
    if (a.regs[i] != b.regs[i]) return text("r%u is 0x%" PRIx64 " but 0x%" PRIx64, i, a.regs[i], b.regs[i]);
  }
  if (a.pc != b.pc) return text("pc is %u but %u", a.pc, b.pc);
  if (a.depth != b.depth) return text("depth is %u but %u", a.depth, b.depth);
  for (unsigned depth = 0; depth < a.depth; depth++) {
    if (a.frames[depth].return_pc != b.frames[depth].return_pc) {
      return text("frame %u returns to %u but %u", depth, a.frames[depth].return_pc, b.frames[depth].return_pc);
    }
    for (unsigned i = 0; i < 4; i++) {
      uint64_t x = a.frames[depth].saved[i], y = b.frames[depth].saved[i];
      if (x != y) return text("frame %u has r%u 0x%" PRIx64 " but 0x%" PRIx64, depth, 6 + i, x, y);
    }
  }
  return "";
}

}  // namespace

const vm::KernelSet& lab_kernel_functions() {
  static const vm::KernelSet set("lab", kFunctions);
  return set;
}

std::string describe(const Stop& stop) {
  switch (stop.kind) {
    case Stop::Kind::exited:
      return text("exited at pc %u, r0 0x%" PRIx64 ", fuel %" PRIu64, stop.pc, stop.r0, stop.fuel_used);
    case Stop::Kind::trapped:
      return text("%s at pc %u, address 0x%x, fuel %" PRIu64, std::string(vm::trap_name(stop.trap)).c_str(), stop.pc, stop.address,
                  stop.fuel_used);
    case Stop::Kind::out_of_fuel:
      return text("out of fuel at pc %u, fuel %" PRIu64, stop.pc, stop.fuel_used);
    case Stop::Kind::suspended:
      return text("suspended at pc %u, fuel %" PRIu64, stop.pc, stop.fuel_used);
  }
  return "";
}

Result<std::unique_ptr<Bench>> Bench::create() {
  auto window = window::Window::create();
  if (!window) return std::move(window.error());
  std::unique_ptr<Bench> bench(new Bench);
  bench->window_ = *std::move(window);
  for (const Region& region : kRegions) {
    std::vector<uint8_t> zeros(region.size);
    auto access = region.is_writable ? window::Access::read_write : window::Access::read;
    CTI_TRY(bench->window_->map_copy(region.address, zeros, access, window::kWindowSize, "region"));
  }
  bench->canaries_.emplace(*bench->window_);
  return bench;
}

void Bench::reset(uint64_t seed) {
  uint8_t* base = window_->view().base;
  for (const Region& region : kRegions) {
    if (!region.is_writable) continue;
    Random random(seed ^ region.address);
    // SAFETY: create() mapped it.
    for (uint32_t i = 0; i < region.size; i += 8) store(base + region.address + i, random.next());
  }
}

std::string Bench::compare_memory(const Bench& other) const {
  const uint8_t* a = window_->view().base;
  const uint8_t* b = other.window_->view().base;
  for (const Region& region : kRegions) {
    if (!region.is_writable || std::memcmp(a + region.address, b + region.address, region.size) == 0) continue;
    for (uint32_t i = 0; i < region.size; i++) {
      uint32_t at = region.address + i;
      if (a[at] != b[at]) return text("memory at 0x%x is 0x%02x but 0x%02x", at, a[at], b[at]);
    }
  }
  return "";
}

Result<std::unique_ptr<Lab>> Lab::create(size_t n_contenders) {
  std::unique_ptr<Lab> lab(new Lab);
  for (size_t i = 0; i < n_contenders; i++) {
    auto bench = Bench::create();
    if (!bench) return std::move(bench.error());
    lab->benches_.push_back(*std::move(bench));
  }
  return lab;
}

std::optional<std::string> Lab::compare(const vm::Program& program, const std::vector<Contender>& contenders, uint64_t seed,
                                        const Limits& limits) {
  Random random(seed * 3 + 1);
  std::array<uint64_t, 5> args{window::kMemoryBase, 8192, random.next(), random.next() >> 32, random.below(9)};
  return compare_from(vm::State::at_entry(program.entry(), args), contenders, seed, limits);
}

std::optional<std::string> Lab::compare_from(const vm::State& start, const std::vector<Contender>& contenders, uint64_t seed,
                                             const Limits& limits) {
  Random slices(seed * 5 + 2);
  std::vector<vm::State> states(contenders.size(), start);
  for (size_t i = 0; i < contenders.size(); i++) benches_[i]->reset(seed);
  for (n_stops_ = 0; n_stops_ < limits.max_stops;) {
    int64_t fuel = slices.one_in(8) ? 1 : 1 + static_cast<int64_t>(slices.below(static_cast<uint32_t>(limits.max_slice)));
    uint64_t answer = slices.next();
    Stop first{};
    for (size_t i = 0; i < contenders.size(); i++) {
      const Contender& contender = contenders[i];
      vm::Environment env{benches_[i]->window(), {}};
      Stop stop = contender.engines[n_stops_ % contender.engines.size()]->run(states[i], env, fuel);
      if (i == 0) {
        first = stop;
        continue;
      }
      std::string difference = compare_stops(first, stop);
      if (difference.empty()) difference = compare_states(states[0], states[i]);
      if (difference.empty()) difference = benches_[0]->compare_memory(*benches_[i]);
      if (!difference.empty()) {
        return contenders[0].name + " and " + contender.name + " differ at stop " + std::to_string(n_stops_) + " (" +
               describe(first) + "): " + difference;
      }
    }
    n_stops_++;
    last_stop_ = first;
    if (first.kind == Stop::Kind::exited || first.kind == Stop::Kind::trapped) break;
    if (first.kind == Stop::Kind::suspended) {
      for (vm::State& state : states) state.regs[0] = answer;
    }
  }
  return {};
}

bool Lab::canaries_are_whole() const {
  for (const auto& bench : benches_) {
    if (!bench->canaries_are_whole()) return false;
  }
  return true;
}

}  // namespace cti::differential
