#include "image/reader.h"

namespace cti::image {
namespace {

// Whether 'bytes' are UTF-8 without surrogates and overlong forms (RFC 3629).
bool is_utf8(Bytes bytes) {
  for (size_t i = 0; i < bytes.size();) {
    uint8_t lead = bytes[i++];
    if (lead < 0x80) continue;
    unsigned n = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || bytes.size() - i < n) return false;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (unsigned k = 0; k < n; k++, i++) {
      if (bytes[i] < low || bytes[i] > high) return false;
      low = 0x80, high = 0xbf;
    }
  }
  return true;
}

}  // namespace

Error malformed(uint64_t offset, const char* field, std::string_view expected, std::string_view received) {
  return errorf(ErrorCode::IMAGE_MALFORMED, "image, byte %" PRIu64 ", %s: expected %.*s but received %.*s", offset, field,
                static_cast<int>(expected.size()), expected.data(), static_cast<int>(received.size()), received.data());
}

std::string Reader::text(const char* field, uint64_t size) {
  Bytes from = bytes(field, size);
  if (failed_) return {};
  if (!is_utf8(from)) {
    fail(field, "UTF-8", "something else");
    return {};
  }
  return {reinterpret_cast<const char*>(from.data()), from.size()};
}

void Reader::fail(const char* field, std::string_view expected, std::string_view received) {
  if (failed_) return;
  failed_ = true;
  error_ = malformed(offset_ + field_at_, field, expected, received);
}

void Reader::end(const char* field) {
  field_at_ = at_;
  if (!failed_ && left() > 0) fail(field, "its end", std::to_string(left()) + " more bytes");
}

}  // namespace cti::image
