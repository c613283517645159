// A program against every engine: the interpreter, compiled code with each addressing the machine has, without BMI2, and a contender
// that changes engines at every stop.
//
// Thread-safety: a value of one thread.
#pragma once

#include "jit/jit.h"
#include "tools/differential/generator.h"
#include "tools/differential/lab.h"

namespace cti::differential {

class Contest {
 public:
  // Compiled code has 'mutation'.
  static Result<std::unique_ptr<Contest>> create(jit::Mutation mutation = jit::Mutation::none);

  // Generates the program of 'seed' and compares; what differs, if anything.
  std::optional<std::string> run(uint64_t seed);
  // The same for a program of one's own.
  std::optional<std::string> run(std::shared_ptr<const vm::Program> program, uint64_t seed, const Limits& limits = {});
  Result<std::vector<Contender>> contenders(std::shared_ptr<const vm::Program> program) const;

  Lab& lab() { return *lab_; }
  bool canaries_are_whole() const { return lab_->canaries_are_whole(); }
  std::string end_of_last() const;
  unsigned n_stops() const { return lab_->n_stops(); }
  std::string names() const;

 private:
  struct Variant {
    std::string name;
    jit::Options options;
  };
  std::vector<Variant> variants_;
  std::unique_ptr<Lab> lab_;
};

}  // namespace cti::differential
