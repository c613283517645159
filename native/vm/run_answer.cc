// What the host answers to a call that waits.
#include <algorithm>
#include <cinttypes>
#include <cstring>

#include "vm/run.h"

namespace cti::vm {
Result<void> Run::check_answer(std::span<const CallOutput> outputs) const {
  if (!pending_.function) {
    return Error{ErrorCode::INVALID_ARGUMENT, "no call waits for an answer; only a run that stopped as suspended does"};
  }
  std::string name(pending_.function->name);
  for (const CallOutput& output : outputs) {
    const BufferArg* buffer = pending_.buffer(output.arg);
    if (!buffer || buffer->direction == Direction::in) {
      return errorf(ErrorCode::INVALID_ARGUMENT, "argument %" PRIu64 " of %s is no buffer that an answer could fill",
                    output.arg, name.c_str());
    }
    if (output.bytes.size() > pending_.buffer_size(*buffer)) {
      return errorf(ErrorCode::INVALID_ARGUMENT,
                    "argument %" PRIu64 " of %s is a buffer of %" PRIu64 " bytes, but the answer has %zu", output.arg,
                    name.c_str(), pending_.buffer_size(*buffer), output.bytes.size());
    }
  }
  return {};
}

void Run::finish_call(uint64_t r0, std::span<const CallOutput> outputs) {
  // All or nothing: an image may have come from elsewhere, and its buffers lie where they were.
  bool has_room = std::all_of(outputs.begin(), outputs.end(), [this](const CallOutput& output) {
    return window_->range(pending_.args[output.arg], output.bytes.size(), window::Intent::write) != nullptr;
  });
  state_.regs[0] = has_room ? r0 : pending_.function->failure(EFAULT);
  for (const CallOutput& output : outputs) {
    if (!has_room || output.bytes.empty()) continue;
    // SAFETY: range() allowed as many bytes.
    uint8_t* at = window_->range(pending_.args[output.arg], output.bytes.size(), window::Intent::write);
    std::memcpy(at, output.bytes.data(), output.bytes.size());
  }
  pending_.clear();
}

Result<void> Run::finish_failed(Error error) {
  if (error.code != ErrorCode::WINDOW_FULL) return error;
  finish_call(pending_.function->failure(ENOSPC), {});
  return {};
}

Result<void> Run::answer_value(uint64_t r0, std::span<const CallOutput> outputs) {
  CTI_TRY(check_answer(outputs));
  finish_call(r0, outputs);
  return {};
}

Result<void> Run::answer_table(uint64_t arg, const TableMapping& table) {
  CTI_TRY(check_answer({}));
  const BufferArg* buffer = pending_.buffer(arg);
  if (!buffer || buffer->direction == Direction::in) {
    return errorf(ErrorCode::INVALID_ARGUMENT, "argument %" PRIu64 " of %s is no buffer for struct cti_table", arg,
                  std::string(pending_.function->name).c_str());
  }
  if (pending_.buffer_size(*buffer) < sizeof(cti_table)) return answer_value(pending_.function->failure(EINVAL), {});
  auto older = std::find_if(tables_.begin(), tables_.end(), [&](const OpenTable& open) { return open.name == table.name; });
  if (older != tables_.end()) {
    unmap_table(*older);
    tables_.erase(older);
  }
  auto open = map_table(table);
  if (!open) return finish_failed(std::move(open.error()));
  const auto* facts = reinterpret_cast<const uint8_t*>(&(*open)->facts);
  CallOutput output{arg, {facts, sizeof(cti_table)}};
  finish_call(0, {&output, 1});
  return {};
}

Result<void> Run::answer_region(const RegionMapping& region, std::span<const CallOutput> outputs) {
  CTI_TRY(check_answer(outputs));
  std::string what = "region " + region.name;
  if (region.size == 0) return errorf(ErrorCode::INVALID_ARGUMENT, "%s has no bytes to map", what.c_str());
  if (regions_.size() >= kMaxRegions) return answer_value(pending_.function->failure(ENOSPC), {});
  auto room = window_->find_room(region.size, what);
  if (!room) return finish_failed(std::move(room.error()));
  uint32_t address = window::number(*room);
  auto access = region.is_writable ? window::Access::read_write : window::Access::read;
  CTI_TRY(window_->map_shared(address, region.fd, region.size, access, window::kWindowSize, what));
  regions_.push_back({region.node, region.name, region.asid, address, region.size, region.is_writable});
  finish_call(address, outputs);
  return {};
}

Result<void> Run::answer_copy(const std::string& name, Bytes bytes, std::span<const CallOutput> outputs) {
  CTI_TRY(check_answer(outputs));
  std::string what = "copy " + name;
  if (bytes.empty()) return errorf(ErrorCode::INVALID_ARGUMENT, "%s has no bytes to map", what.c_str());
  if (pieces_.size() >= kMaxPieces) return answer_value(pending_.function->failure(ENOSPC), {});
  auto room = window_->find_room(bytes.size(), what);
  if (!room) return finish_failed(std::move(room.error()));
  uint32_t address = window::number(*room);
  CTI_TRY(window_->map_copy(address, bytes, window::Access::read, window::kWindowSize, what));
  pieces_.push_back({name, address, bytes.size(), false});
  finish_call(address, outputs);
  return {};
}

Result<void> Run::answer_unmap(uint64_t address) {
  CTI_TRY(check_answer({}));
  auto starts_there = [address](const auto& mapped) { return mapped.address == address; };
  auto table = std::find_if(tables_.begin(), tables_.end(), [address](const OpenTable& open) {
    for (uint32_t i = 0; i < open.facts.n_segments; i++) {
      if (open.facts.segments[i].size > 0) return open.facts.segments[i].address == address;
    }
    return false;
  });
  auto region = std::find_if(regions_.begin(), regions_.end(), starts_there);
  auto piece = std::find_if(pieces_.begin(), pieces_.end(), starts_there);
  if (table != tables_.end()) {
    unmap_table(*table);
    tables_.erase(table);
  } else if (region != regions_.end() || piece != pieces_.end()) {
    if (auto unmapped = window_->unmap(static_cast<uint32_t>(address)); !unmapped) return std::move(unmapped.error());
    if (region != regions_.end()) {
      regions_.erase(region);
    } else {
      pieces_.erase(piece);
    }
  } else {
    return answer_value(pending_.function->failure(EINVAL), {});
  }
  finish_call(0, {});
  return {};
}

Result<void> Run::answer_end(uint64_t r0) {
  CTI_TRY(check_answer({}));
  finish_call(r0, {});
  is_ended_by_host_ = true;
  return {};
}

}  // namespace cti::vm
