#include "jit/measure.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "vm/run.h"

namespace cti::jit {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kFuel = std::numeric_limits<int64_t>::max();
constexpr double kNever = std::numeric_limits<double>::infinity();

double ns_since(Clock::time_point begin) { return std::chrono::duration<double, std::nano>(Clock::now() - begin).count(); }

// The least time of 'action', repeated for 'seconds', at least three times.
template <typename Action>
double best_of(double seconds, Action action) {
  double best = kNever;
  auto begin = Clock::now();
  for (int i = 0; i < 3 || ns_since(begin) < seconds * 1e9; i++) {
    auto start = Clock::now();
    action();
    best = std::min(best, ns_since(start));
  }
  return best;
}

}  // namespace

Result<Measured> measure(Bytes code, Bytes memory, double seconds, bool interprets, const Options& options) {
  vm::ProgramSpec spec;
  spec.code.assign(code.begin(), code.end());
  spec.kernel_functions = vm::find_kernel_set("conformance");
  auto loaded = vm::Program::load(spec);
  if (!loaded) return std::move(loaded.error());
  std::shared_ptr<const vm::Program> program = *loaded;
  auto made = interprets ? Result<std::shared_ptr<const vm::Engine>>(vm::make_interpreter(program)) : make_jit(program, options);
  if (!made) return std::move(made.error());
  std::shared_ptr<const vm::Engine> engine = *made;

  Measured measured{};
  measured.n_slots = program->n_slots();
  measured.load_ns = best_of(0.02, [&] { (void)vm::Program::load(spec); });
  if (!interprets) measured.compile_ns = best_of(0.05, [&] { (void)make_jit(program, options); });

  vm::RunOptions run_options;
  run_options.memory = memory;
  auto run = vm::Run::start(program, engine, run_options);
  if (!run) return std::move(run.error());
  vm::Environment env{(*run)->window(), {}};
  const vm::State entry = (*run)->state();
  measured.stop = (*run)->step(kFuel);
  uint8_t* guest = (*run)->window().range(window::kMemoryBase, memory.size(), window::Intent::write);
  bool changes = !memory.empty() && !std::equal(memory.begin(), memory.end(), guest);
  auto once = [&] {
    vm::State state = entry;
    engine->run(state, env, kFuel);
  };

  if (changes) {
    measured.exec_ns = kNever;
    auto begin = Clock::now();
    do {
      std::copy(memory.begin(), memory.end(), guest);
      auto start = Clock::now();
      once();
      measured.exec_ns = std::min(measured.exec_ns, ns_since(start));
    } while (ns_since(begin) < seconds * 1e9);
    return measured;
  }
  auto start = Clock::now();
  once();
  auto n = static_cast<int>(std::clamp(1e5 / std::max(ns_since(start), 1.0), 1.0, 1e5));
  measured.exec_ns = best_of(seconds, [&] { for (int i = 0; i < n; i++) once(); }) / n;
  return measured;
}

}  // namespace cti::jit
