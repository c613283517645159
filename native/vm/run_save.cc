// A run as plain data, and back.
#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "vm/run.h"

namespace cti::vm {
namespace {

using window::Access;

constexpr uint64_t whole_pages(uint64_t size) {
  return (size + window::kGuestPageSize - 1) & ~uint64_t{window::kGuestPageSize - 1};
}

// Fewer zeros than this between two bytes are stored: another entry would take as much room.
constexpr uint32_t kWordSize = 8;

// Notes what is not zero in 'size' bytes at 'at', whole pages.
void note_stored(const uint8_t* base, uint32_t address, uint64_t size, std::vector<StoredBytes>& stored) {
  // SAFETY: the caller has mapped them.
  const uint8_t* from = base + address;
  for (uint64_t at = 0; at < size;) {
    if (load<uint64_t>(from + at) == 0) {
      at += kWordSize;
      continue;
    }
    uint64_t end = at;
    while (end < size && load<uint64_t>(from + end) != 0) end += kWordSize;
    uint64_t first = at, last = end;
    while (from[first] == 0) first++;
    while (from[last - 1] == 0) last--;
    stored.push_back({static_cast<uint32_t>(address + first), {from + first, last - first}});
    at = end;
  }
}

Error not_the_same(const std::string& what, const char* which, uint64_t has, uint64_t expected) {
  return errorf(ErrorCode::INVALID_ARGUMENT, "%s is not the one the image had: expected %s %" PRIu64 " but received %" PRIu64,
                what.c_str(), which, expected, has);
}

}  // namespace

SavedRun Run::save() const {
  SavedRun saved;
  saved.state = state_;
  saved.call_number = pending_.number;
  if (pending_.function) saved.call = {pending_.function->number, pending_.args};
  saved.memory_size = memory_size_;
  saved.pieces = pieces_;
  saved.tables = tables_;
  saved.regions = regions_;
  const uint8_t* base = window_->view().base;
  note_stored(base, window::kStackBase, window::kStackSize, saved.stored);
  note_stored(base, window::kDataBase, whole_pages(program_->data_size()), saved.stored);
  note_stored(base, window::kMemoryBase, whole_pages(memory_size_), saved.stored);
  std::sort(saved.pieces.begin(), saved.pieces.end(),
            [](const MemoryPiece& a, const MemoryPiece& b) { return a.address < b.address; });
  for (const MemoryPiece& piece : saved.pieces) note_stored(base, piece.address, whole_pages(piece.size), saved.stored);
  return saved;
}

Result<void> Run::restore_table(const OpenTable& saved, const TableMapping* mapping) {
  std::string what = "table " + saved.name;
  const cti_table& facts = saved.facts;
  if (mapping) {
    if (mapping->name != saved.name) {
      return errorf(ErrorCode::INVALID_ARGUMENT, "expected a mapping of %s but received one of %s", what.c_str(),
                    mapping->name.c_str());
    }
    if (mapping->generation != facts.generation) return not_the_same(what, "generation", mapping->generation, facts.generation);
    if (mapping->schema_hash != facts.schema_hash) return not_the_same(what, "schema", mapping->schema_hash, facts.schema_hash);
    if (mapping->n_rows != facts.n_rows) return not_the_same(what, "rows", mapping->n_rows, facts.n_rows);
    if (mapping->segments.size() != facts.n_segments) {
      return not_the_same(what, "segments", mapping->segments.size(), facts.n_segments);
    }
  }
  for (uint32_t i = 0; i < facts.n_segments; i++) {
    const auto& segment = facts.segments[i];
    if (mapping && mapping->segments[i].source.size != segment.size) {
      return not_the_same(what, "bytes of a segment", mapping->segments[i].source.size, segment.size);
    }
    auto at = static_cast<uint32_t>(segment.address);
    if (segment.size == 0) continue;
    if (!mapping) {
      CTI_TRY(window_->map_stale(at, segment.size, window::kWindowSize, what));
    } else if (const SegmentSource& source = mapping->segments[i].source; source.fd >= 0) {
      CTI_TRY(window_->map_sealed(at, source.fd, source.size, window::kWindowSize, what));
    } else {
      CTI_TRY(window_->map_copy(at, source.bytes, Access::read, window::kWindowSize, what));
    }
  }
  tables_.push_back(saved);
  tables_.back().is_stale = !mapping;
  return {};
}

Result<void> Run::restore_region(const OpenRegion& saved, const RegionMapping* mapping) {
  std::string what = "region " + saved.name;
  if (!mapping) {
    CTI_TRY(window_->map_stale(saved.address, saved.size, window::kWindowSize, what));
  } else {
    if (mapping->name != saved.name || mapping->size != saved.size || mapping->is_writable != saved.is_writable) {
      return errorf(ErrorCode::INVALID_ARGUMENT,
                    "expected a mapping of %s with %" PRIu64 " bytes, %s, but received one of %s with %" PRIu64 ", %s",
                    what.c_str(), saved.size, saved.is_writable ? "writable" : "read-only", mapping->name.c_str(),
                    mapping->size, mapping->is_writable ? "writable" : "read-only");
    }
    auto access = mapping->is_writable ? Access::read_write : Access::read;
    CTI_TRY(window_->map_shared(saved.address, mapping->fd, mapping->size, access, window::kWindowSize, what));
  }
  regions_.push_back(saved);
  regions_.back().is_stale = !mapping;
  return {};
}

Result<void> Run::restore_bytes(const SavedRun& saved) {
  for (const StoredBytes& stored : saved.stored) {
    uint8_t* at = window_->range(stored.address, stored.bytes.size(), window::Intent::write);
    if (!at) {
      return errorf(ErrorCode::INVALID_ARGUMENT, "%zu bytes for 0x%" PRIx32 ", where the program has no memory of its own",
                    stored.bytes.size(), stored.address);
    }
    // SAFETY: range() allowed as many bytes.
    if (!stored.bytes.empty()) std::memcpy(at, stored.bytes.data(), stored.bytes.size());
  }
  return {};
}

Result<std::unique_ptr<Run>> Run::restore(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine,
                                          const SavedRun& saved, const Mappings& mappings, uint64_t output_limit) {
  if (mappings.tables.size() != saved.tables.size()) {
    return not_the_same("the list of tables", "entries", mappings.tables.size(), saved.tables.size());
  }
  if (mappings.regions.size() != saved.regions.size()) {
    return not_the_same("the list of regions", "entries", mappings.regions.size(), saved.regions.size());
  }
  auto window = window::Window::create();
  if (!window) return std::move(window.error());
  std::unique_ptr<Run> run(new Run(std::move(program), std::move(engine), *std::move(window)));
  run->output_ = Output(output_limit);
  run->suspends_ = true;
  CTI_TRY(run->map_program({}));
  run->memory_size_ = saved.memory_size;
  CTI_TRY(run->window_->map_anonymous(window::kMemoryBase, saved.memory_size, window::kTablesBase, "memory"));
  for (const MemoryPiece& piece : saved.pieces) {
    CTI_TRY(run->window_->map_anonymous(piece.address, piece.size, window::kWindowSize, "copy " + piece.name));
  }
  // Before anything is mapped that is not the run's own, and before copies become read-only.
  CTI_TRY(run->restore_bytes(saved));
  for (const MemoryPiece& piece : saved.pieces) {
    if (!piece.is_writable) CTI_TRY(run->window_->make_read_only(piece.address, piece.size, "copy " + piece.name));
  }
  run->pieces_ = saved.pieces;
  for (size_t i = 0; i < saved.tables.size(); i++) {
    CTI_TRY(run->restore_table(saved.tables[i], mappings.tables[i] ? &*mappings.tables[i] : nullptr));
  }
  for (size_t i = 0; i < saved.regions.size(); i++) {
    CTI_TRY(run->restore_region(saved.regions[i], mappings.regions[i] ? &*mappings.regions[i] : nullptr));
  }
  run->state_ = saved.state;
  run->pending_.number = saved.call_number;
  if (saved.call) {
    run->pending_.function = run->program_->kernel_functions().by_number(saved.call->number);
    run->pending_.args = saved.call->args;
    run->pending_.read_inputs(*run->window_);
  }
  return run;
}

}  // namespace cti::vm
