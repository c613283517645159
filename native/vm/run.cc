#include "vm/run.h"

#include <algorithm>
#include <cstring>

namespace cti::vm {

Result<std::unique_ptr<Run>> Run::start(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine,
                                        const RunOptions& options) {
  auto window = window::Window::create();
  if (!window) return std::move(window.error());
  std::unique_ptr<Run> run(new Run(std::move(program), std::move(engine), *std::move(window)));
  run->output_ = Output(options.output_limit);
  run->suspends_ = options.suspends;
  CTI_TRY(run->map_program(run->program_->data()));
  CTI_TRY(run->window_->map_copy(window::kMemoryBase, options.memory, window::Access::read_write, window::kTablesBase,
                                 "memory"));
  run->memory_size_ = options.memory.size();
  for (const SegmentSource& segment : options.segments) {
    auto address = run->map_segment(segment, "segment " + segment.name);
    if (!address) return std::move(address.error());
    run->segment_addresses_.push_back(*address);
    if (segment.size > 0) run->pieces_.push_back({segment.name, *address, segment.size, segment.is_writable});
  }
  for (const TableMapping& table : options.tables) {
    if (auto open = run->map_table(table); !open) return std::move(open.error());
  }

  std::array<uint64_t, 5> args{};
  if (options.args) {
    args = *options.args;
  } else if (!options.memory.empty()) {
    args = {window::kMemoryBase, options.memory.size()};
  }
  run->state_ = State::at_entry(run->program_->entry(), args);
  return run;
}

Result<void> Run::restart(std::shared_ptr<const Program> program, std::shared_ptr<const Engine> engine) {
  if (!has_ended_ || suspends_ || memory_size_ > 0 || !regions_.empty() || !pieces_.empty()) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "a window is used again only after a run that has ended, cannot suspend and has nothing but tables");
  }
  for (uint32_t at : {window::kStackBase, window::kRodataBase, window::kDataBase}) CTI_TRY(window_->unmap(at));
  program_ = std::move(program);
  engine_ = std::move(engine);
  (void)output_.take();
  CTI_TRY(map_program(program_->data()));
  state_ = State::at_entry(program_->entry(), {});
  has_ended_ = is_ended_by_host_ = false;
  return {};
}

Result<void> Run::map_program(Bytes data) {
  using namespace window;
  CTI_TRY(window_->map_anonymous(kStackBase, kStackSize, kRodataBase, "stack"));
  CTI_TRY(window_->map_copy(kRodataBase, program_->rodata(), Access::read, kDataBase, "read-only data", program_->rodata_size()));
  CTI_TRY(window_->map_anonymous(kDataBase, program_->data_size(), kMemoryBase, "data and bss"));
  if (uint8_t* at = window_->range(kDataBase, data.size(), Intent::write); !data.empty()) {
    // SAFETY: range() allowed as many bytes.
    std::memcpy(at, data.data(), data.size());
  }
  return {};
}

Result<uint32_t> Run::map_segment(const SegmentSource& source, const std::string& what) {
  if (source.size == 0) return 0u;
  auto address = window_->find_room(source.size, what);
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

Result<const OpenTable*> Run::map_table(const TableMapping& table) {
  OpenTable open{table.node, table.name, {}};
  if (table.segments.size() > std::size(open.facts.segments)) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "table %s has %zu segments, expected at most %zu", table.name.c_str(),
                  table.segments.size(), std::size(open.facts.segments));
  }
  if (tables_.size() >= kMaxTables) {
    return errorf(ErrorCode::WINDOW_FULL, "table %s: %zu tables are open already", table.name.c_str(), kMaxTables);
  }
  open.facts.n_rows = table.n_rows;
  open.facts.generation = table.generation;
  open.facts.schema_hash = table.schema_hash;
  for (const TableSegment& segment : table.segments) {
    auto address = map_segment(segment.source, "table " + table.name + ", segment " + segment.source.name);
    if (!address) {
      unmap_table(open);
      return std::move(address.error());
    }
    open.facts.segments[open.facts.n_segments++] = {*address, segment.source.size, segment.stride, segment.n_records};
  }
  tables_.push_back(std::move(open));
  return &tables_.back();
}

void Run::unmap_table(const OpenTable& table) {
  for (uint32_t i = 0; i < table.facts.n_segments; i++) {
    const auto& segment = table.facts.segments[i];
    if (segment.size > 0) (void)!window_->unmap(static_cast<uint32_t>(segment.address));
  }
}

Stop Run::step(int64_t fuel) {
  Stop stop{Stop::Kind::exited};
  if (is_ended_by_host_) {
    stop.pc = state_.pc - 1;
    stop.r0 = state_.regs[0];
  } else {
    Environment env{*window_, tables_, &output_, suspends_ ? &pending_ : nullptr};
    stop = engine_->run(state_, env, fuel);
  }
  has_ended_ = stop.kind == Stop::Kind::exited || stop.kind == Stop::Kind::trapped;
  return stop;
}

}  // namespace cti::vm
