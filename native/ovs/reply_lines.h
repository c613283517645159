// The lines of a reply's text, for the parsers of small replies.
//
// Thread-safety: pure functions.
#pragma once

#include <string_view>

#include "base/error.h"
#include "ovs/reply_decoder.h"

namespace cti::ovs {

// Calls 'each' with every line and its number from 1; stops at an error.
template <typename Each>
Result<void> for_each_line(std::string_view text, Each each) {
  for (size_t number = 1; !text.empty(); number++) {
    const size_t end = text.find('\n');
    CTI_TRY(each(text.substr(0, end), number));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return {};
}

inline Error unexpected_line(const char* command, size_t line, const char* expected, std::string_view received) {
  return errorf(ErrorCode::PROTOCOL, "reply to \"%s\", line %zu: expected %s but received '%s'", command, line, expected,
                printable(received).c_str());
}

}  // namespace cti::ovs
