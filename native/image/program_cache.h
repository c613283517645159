// Programs of images, by their bytes: 10,000 images of one program have one Program, one compilation of it, one table of facts. What was
// not used for longest goes first when there are too many, or too large ones; whoever runs one keeps it.
//
// Thread-safety: any thread; programs and engines are shared between all of them.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "image/image.h"
#include "jit/jit.h"

namespace cti::image {

enum class EngineChoice : uint8_t { automatic, jit, interpreter };

// A program, and what is made of it once.
class LoadedProgram {
 public:
  explicit LoadedProgram(std::shared_ptr<const vm::Program> program) : program_(std::move(program)), facts_(*program_) {}

  const std::shared_ptr<const vm::Program>& program() const { return program_; }
  const ProgramFacts& facts() const { return facts_; }
  // Made when first asked for; automatic is the interpreter where compiled code cannot be. INVALID_ARGUMENT where jit was asked for.
  Result<std::shared_ptr<const vm::Engine>> engine(EngineChoice choice, jit::Addressing addressing) const;

 private:
  std::shared_ptr<const vm::Program> program_;
  ProgramFacts facts_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const vm::Engine> interpreter_;
  mutable std::array<std::shared_ptr<const vm::Engine>, 3> compiled_;  // by jit::Addressing
};

class ProgramCache {
 public:
  static constexpr size_t kDefaultMaxPrograms = 256;
  static constexpr uint64_t kDefaultMaxBytes = 64 << 20;

  explicit ProgramCache(size_t max_programs = kDefaultMaxPrograms, uint64_t max_bytes = kDefaultMaxBytes)
      : max_programs_(max_programs), max_bytes_(max_bytes) {}

  // The process's own.
  static ProgramCache& shared();

  // The program of 'section', which begins at byte 'offset' of its image; it is not kept yet. IMAGE_MALFORMED, or what Program::load() says.
  Result<std::shared_ptr<const LoadedProgram>> load(Bytes section, uint64_t offset);
  // Keeps it for later images: those whose image turned out to be right.
  void keep(Bytes section, std::shared_ptr<const LoadedProgram> program);

  size_t n_programs() const;
  uint64_t n_bytes() const;
  void clear();

 private:
  struct Entry {
    uint64_t hash;
    std::vector<uint8_t> section;
    std::shared_ptr<const LoadedProgram> program;
  };
  using Place = std::list<Entry>::iterator;

  Place find(uint64_t hash, Bytes section);
  void drop_last();

  const size_t max_programs_;
  const uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::unordered_multimap<uint64_t, Place> places_;
  uint64_t n_bytes_ = 0;
};

}  // namespace cti::image
