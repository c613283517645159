#include "tools/differential/contest.h"

namespace cti::differential {

using jit::Addressing;

Result<std::unique_ptr<Contest>> Contest::create(jit::Mutation mutation) {
  std::unique_ptr<Contest> contest(new Contest);
  contest->variants_.push_back({"mask", {Addressing::mask, true, mutation}});
  if (!jit::unsupported(Addressing::gs)) {
    contest->variants_.push_back({"gs", {Addressing::gs, true, mutation}});
    contest->variants_.push_back({"gs, no BMI2", {Addressing::gs, false, mutation}});
  } else {
    contest->variants_.push_back({"mask, no BMI2", {Addressing::mask, false, mutation}});
  }
  auto lab = Lab::create(contest->variants_.size() + 2);
  if (!lab) return std::move(lab.error());
  contest->lab_ = *std::move(lab);
  return contest;
}

Result<std::vector<Contender>> Contest::contenders(std::shared_ptr<const vm::Program> program) const {
  auto interpreter = vm::make_interpreter(program);
  std::vector<Contender> result{{"interpreter", {interpreter}}};
  Contender switching{"one engine after the other", {interpreter}};
  for (const Variant& variant : variants_) {
    auto engine = jit::make_jit(program, variant.options);
    if (!engine) return std::move(engine.error());
    switching.engines.push_back(*engine);
    result.push_back({variant.name, {*engine}});
  }
  result.push_back(std::move(switching));
  return result;
}

std::optional<std::string> Contest::run(uint64_t seed) {
  auto program = vm::Program::load(generate(seed));
  if (!program) return "the generator's program is refused: " + program.error().message;
  return run(*std::move(program), seed);
}

std::optional<std::string> Contest::run(std::shared_ptr<const vm::Program> program, uint64_t seed, const Limits& limits) {
  auto engines = contenders(program);
  if (!engines) return engines.error().message;
  return lab_->compare(*program, *engines, seed, limits);
}

std::string Contest::end_of_last() const {
  vm::Stop stop = lab_->last_stop();
  switch (stop.kind) {
    case vm::Stop::Kind::exited:
      return "exited";
    case vm::Stop::Kind::trapped:
      return std::string(vm::trap_name(stop.trap));
    case vm::Stop::Kind::out_of_fuel:
      return "out_of_fuel";
    case vm::Stop::Kind::suspended:
      return "suspended";
  }
  return "";
}

std::string Contest::names() const {
  std::string names = "interpreter";
  for (const Variant& variant : variants_) names += ", " + variant.name;
  return names + ", one after the other";
}

}  // namespace cti::differential
