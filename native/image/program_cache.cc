#include "image/program_cache.h"

#include <algorithm>

namespace cti::image {
namespace {

// A place to look; what is found there is compared byte by byte, so that who can make two programs collide gains nothing.
uint64_t hash_of(Bytes bytes) {
  uint64_t hash = 0x9e3779b97f4a7c15 ^ bytes.size();
  auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  };
  size_t i = 0;
  for (; bytes.size() - i >= 8; i += 8) mix(load<uint64_t>(bytes.data() + i));
  for (; i < bytes.size(); i++) mix(bytes[i]);
  return hash;
}

}  // namespace

Result<std::shared_ptr<const vm::Engine>> LoadedProgram::engine(EngineChoice choice, jit::Addressing addressing) const {
  std::lock_guard lock(mutex_);
  if (choice != EngineChoice::interpreter) {
    auto& compiled = compiled_[static_cast<size_t>(addressing)];
    if (!compiled) {
      auto made = jit::make_jit(program_, {addressing});
      if (made) {
        compiled = *std::move(made);
      } else if (choice == EngineChoice::jit) {
        return std::move(made.error());
      }
    }
    if (compiled) return compiled;
  }
  if (!interpreter_) interpreter_ = vm::make_interpreter(program_);
  return interpreter_;
}

ProgramCache& ProgramCache::shared() {
  static ProgramCache cache;
  return cache;
}

ProgramCache::Place ProgramCache::find(uint64_t hash, Bytes section) {
  auto [from, to] = places_.equal_range(hash);
  for (auto at = from; at != to; at++) {
    if (std::equal(section.begin(), section.end(), at->second->section.begin(), at->second->section.end())) return at->second;
  }
  return entries_.end();
}

Result<std::shared_ptr<const LoadedProgram>> ProgramCache::load(Bytes section, uint64_t offset) {
  {
    uint64_t hash = hash_of(section);
    std::lock_guard lock(mutex_);
    if (Place found = find(hash, section); found != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, found);
      return found->program;
    }
  }
  auto spec = decode_program(section, offset);
  if (!spec) return std::move(spec.error());
  auto program = vm::Program::load(*std::move(spec));
  if (!program) return std::move(program.error());
  return std::shared_ptr<const LoadedProgram>(std::make_shared<LoadedProgram>(*std::move(program)));
}

void ProgramCache::keep(Bytes section, std::shared_ptr<const LoadedProgram> program) {
  if (section.size() > max_bytes_) return;
  uint64_t hash = hash_of(section);
  std::lock_guard lock(mutex_);
  if (find(hash, section) != entries_.end()) return;
  while (entries_.size() >= max_programs_ || n_bytes_ + section.size() > max_bytes_) drop_last();
  entries_.push_front({hash, {section.begin(), section.end()}, std::move(program)});
  places_.emplace(hash, entries_.begin());
  n_bytes_ += section.size();
}

void ProgramCache::drop_last() {
  Place last = std::prev(entries_.end());
  auto [from, to] = places_.equal_range(last->hash);
  places_.erase(std::find_if(from, to, [&](const auto& place) { return place.second == last; }));
  n_bytes_ -= last->section.size();
  entries_.erase(last);
}

size_t ProgramCache::n_programs() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

uint64_t ProgramCache::n_bytes() const {
  std::lock_guard lock(mutex_);
  return n_bytes_;
}

void ProgramCache::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  places_.clear();
  n_bytes_ = 0;
}

}  // namespace cti::image
