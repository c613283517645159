#include "vm/run.h"

#include <algorithm>
#include <cstring>

namespace cti::vm {

Result<std::unique_ptr<Run>> Run::start(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine,
                                        const RunOptions& options) {
  auto window = window::Window::create();
  if (!window) return std::move(window.error());
  std::unique_ptr<Run> run(new Run(std::move(program), std::move(engine), *std::move(window)));
  CTI_TRY(run->map_program());
  CTI_TRY(run->window_->map_copy(window::kMemoryBase, options.memory, window::Access::read_write, window::kTablesBase, "memory"));
  for (const SegmentSource& segment : options.segments) {
    auto address = run->map_segment(segment, "segment " + segment.name);
    if (!address) return std::move(address.error());
    run->segment_addresses_.push_back(*address);
  }
  for (const TableMapping& table : options.tables) CTI_TRY(run->map_table(table));

  std::array<uint64_t, 5> args{};
  if (options.args) {
    args = *options.args;
  } else if (!options.memory.empty()) {
    args = {window::kMemoryBase, options.memory.size()};
  }
  run->state_ = State::at_entry(run->program_->entry(), args);
  return run;
}

Result<void> Run::map_program() {
  using namespace window;
  CTI_TRY(window_->map_anonymous(kStackBase, kStackSize, kRodataBase, "stack"));
  CTI_TRY(window_->map_copy(kRodataBase, program_->rodata(), Access::read, kDataBase, "read-only data"));
  CTI_TRY(window_->map_anonymous(kDataBase, program_->data_size(), kMemoryBase, "data and bss"));
  if (uint8_t* at = window_->range(kDataBase, program_->data().size(), Intent::write); !program_->data().empty()) {
    // SAFETY: range() allowed as many bytes.
    std::memcpy(at, program_->data().data(), program_->data().size());
  }
  return {};
}

Result<uint32_t> Run::map_segment(const SegmentSource& source, const std::string& what) {
  if (source.size == 0) return 0u;
  auto address = window_->allocate(source.size, what);
  if (!address) return std::move(address.error());
  uint32_t at = window::number(*address);
  if (source.fd >= 0) {
    CTI_TRY(window_->map_sealed(at, source.fd, source.size, window::kWindowSize, what));
  } else {
    auto access = source.is_writable ? window::Access::read_write : window::Access::read;
    CTI_TRY(window_->map_copy(at, source.bytes, access, window::kWindowSize, what));
  }
  return at;
}

Result<void> Run::map_table(const TableMapping& table) {
  OpenTable open{table.name, {}};
  if (table.segments.size() > std::size(open.facts.segments)) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "table %s has %zu segments, expected at most %zu", table.name.c_str(),
                  table.segments.size(), std::size(open.facts.segments));
  }
  open.facts.n_rows = table.n_rows;
  open.facts.generation = table.generation;
  open.facts.schema_hash = table.schema_hash;
  open.facts.n_segments = static_cast<uint32_t>(table.segments.size());
  for (size_t i = 0; i < table.segments.size(); i++) {
    const TableSegment& segment = table.segments[i];
    auto address = map_segment(segment.source, "table " + table.name + ", segment " + segment.source.name);
    if (!address) return std::move(address.error());
    open.facts.segments[i] = {*address, segment.source.size, segment.stride, segment.n_records};
  }
  tables_.push_back(std::move(open));
  return {};
}

Stop Run::step(int64_t fuel) {
  Environment env{*window_, tables_};
  Stop stop = engine_->run(state_, env, fuel);
  has_ended_ = stop.kind == Stop::Kind::exited || stop.kind == Stop::Kind::trapped;
  return stop;
}

}  // namespace cti::vm
