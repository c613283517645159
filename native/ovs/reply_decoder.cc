#include "ovs/reply_decoder.h"

#include <algorithm>
#include <cstdio>

namespace cti::ovs {
namespace {

bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
bool is_scalar(uint8_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

int hex_value(uint8_t c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 8259 section 6.
bool is_number(std::string_view text) {
  size_t at = 0;
  auto digits = [&] {
    size_t from = at;
    while (at < text.size() && is_digit(text[at])) at++;
    return at > from;
  };
  if (at < text.size() && text[at] == '-') at++;
  if (at < text.size() && text[at] == '0') {
    at++;
  } else if (!digits()) {
    return false;
  }
  if (at < text.size() && text[at] == '.') {
    at++;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    at++;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) at++;
    if (!digits()) return false;
  }
  return at == text.size();
}

void append_bounded(std::string* to, Bytes text, size_t max) {
  size_t room = max > to->size() ? max - to->size() : 0;
  to->append(reinterpret_cast<const char*>(text.data()), std::min(room, text.size()));
}

}  // namespace

std::string printable(std::string_view text, size_t max) {
  std::string out;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  for (char c : text) {
    if (out.size() >= max) return out + "...";
    if (c == '\n') {
      out += "; ";
    } else if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<uint8_t>(c));
      out += hex;
    }
  }
  return out;
}

Error ReplyDecoder::malformed(uint8_t c, const char* expected) const {
  char received[8];
  std::snprintf(received, sizeof received, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
  return errorf(ErrorCode::PROTOCOL, "the reply is not JSON-RPC: expected %s at its byte %llu but received '%s'", expected,
                static_cast<unsigned long long>(offset_), received);
}

Result<void> ReplyDecoder::feed(Bytes chunk) {
  out_.clear();
  for (size_t position = 0; position < chunk.size();) {
    if (state_ == State::in_string) {
      CTI_TRY(string_bytes(chunk, &position));
      continue;
    }
    CTI_TRY(byte(chunk[position]));
    position++;
    offset_++;
  }
  if (out_.empty()) return {};
  // SAFETY: chars read as the bytes they are, for as long as the call lasts.
  return sink_({reinterpret_cast<const uint8_t*>(out_.data()), out_.size()});
}

Result<void> ReplyDecoder::byte(uint8_t c) {
  if (state_ == State::in_scalar) {
    if (is_scalar(c)) {
      append_bounded(&scalar_, {&c, 1}, kMaxScalar + 1);
      return {};
    }
    CTI_TRY(end_scalar());
  }
  if (is_space(c)) return {};
  switch (state_) {
    case State::start:
      if (c != '{') return malformed(c, "'{'");
      containers_ = "{";
      state_ = State::first_key;
      return {};
    case State::first_key:
    case State::key:
      if (c == '}' && state_ == State::first_key) {
        close_container();
        return {};
      }
      if (c != '"') return malformed(c, "a key");
      string_is_key_ = true;
      return begin_string(at_top() ? Role::top_key : Role::skipped);
    case State::colon:
      if (c != ':') return malformed(c, "':'");
      state_ = State::value;
      return {};
    case State::first_item:
      if (c == ']') {
        close_container();
        return {};
      }
      [[fallthrough]];
    case State::value:
      return begin_value(c);
    case State::next:
      if (c == ',') {
        state_ = containers_.back() == '{' ? State::key : State::value;
        return {};
      }
      if (c != (containers_.back() == '{' ? '}' : ']')) return malformed(c, "',' or the end of the object or list");
      close_container();
      return {};
    case State::end:
      return malformed(c, "nothing more");
    case State::in_string:
    case State::in_scalar:
      break;
  }
  return errorf(ErrorCode::INTERNAL, "reply decoder in state %d", static_cast<int>(state_));
}

void ReplyDecoder::close_container() {
  containers_.pop_back();
  state_ = containers_.empty() ? State::end : State::next;
}

Result<void> ReplyDecoder::begin_value(uint8_t c) {
  if (c == '"') {
    string_is_key_ = false;
    if (at_top()) CTI_TRY(give(Given::string));
    return begin_string(at_top() ? member_ : Role::skipped);
  }
  if (c == '{' || c == '[') {
    if (at_top()) CTI_TRY(give(Given::other));
    if (containers_.size() >= kMaxDepth) {
      return errorf(ErrorCode::PROTOCOL, "the reply is nested deeper than %zu values", kMaxDepth);
    }
    containers_ += static_cast<char>(c);
    state_ = c == '{' ? State::first_key : State::first_item;
    return {};
  }
  if (!is_scalar(c)) return malformed(c, "a value");
  scalar_.assign(1, static_cast<char>(c));
  state_ = State::in_scalar;
  return {};
}

Result<void> ReplyDecoder::end_scalar() {
  const bool word = scalar_ == "null" || scalar_ == "true" || scalar_ == "false";
  if (scalar_.size() > kMaxScalar || (!word && !is_number(scalar_))) {
    return errorf(ErrorCode::PROTOCOL,
                  "the reply is not JSON-RPC: expected a value before its byte %llu but received '%s'",
                  static_cast<unsigned long long>(offset_), printable(scalar_).c_str());
  }
  if (at_top()) {
    if (member_ == Role::id) id_text_ = scalar_;
    CTI_TRY(give(scalar_ == "null" ? Given::null : Given::other));
  }
  state_ = State::next;
  return {};
}

// Notes that the current member of the reply's own object has a value of this kind.
Result<void> ReplyDecoder::give(Given what) {
  const char* name = "";
  Given* given = nullptr;
  if (member_ == Role::id) name = "id", given = &id_given_;
  if (member_ == Role::result) name = "result", given = &result_given_;
  if (member_ == Role::error) name = "error", given = &error_given_;
  if (!given) return {};
  if (*given != Given::no) return errorf(ErrorCode::PROTOCOL, "the reply has \"%s\" twice", name);
  if (what == Given::other && member_ != Role::id) {
    return errorf(ErrorCode::PROTOCOL, "the reply's \"%s\" is neither text nor null", name);
  }
  *given = what;
  return {};
}

Result<void> ReplyDecoder::begin_string(Role role) {
  role_ = role;
  if (role == Role::top_key) scalar_.clear();
  if (role == Role::id) id_text_ = "text ";
  escape_ = Escape::none;
  state_ = State::in_string;
  return {};
}

// Reads from chunk[*position] up to the string's end or the chunk's.
Result<void> ReplyDecoder::string_bytes(Bytes chunk, size_t* position) {
  size_t at = *position;
  while (at < chunk.size() && state_ == State::in_string) {
    if (escape_ != Escape::none) {
      CTI_TRY(escape(chunk[at]));
      at++;
      offset_++;
      continue;
    }
    const size_t from = at;
    while (at < chunk.size() && chunk[at] >= 0x20 && chunk[at] != '"' && chunk[at] != '\\') at++;
    if (at > from) CTI_TRY(put(chunk.subspan(from, at - from)));
    offset_ += at - from;
    if (at == chunk.size()) break;
    const uint8_t c = chunk[at];
    if (c < 0x20) return malformed(c, "no control character in a string");
    if (c == '"') {
      CTI_TRY(end_string());
    } else {
      escape_ = Escape::start;
    }
    at++;
    offset_++;
  }
  *position = at;
  return {};
}

Result<void> ReplyDecoder::escape(uint8_t c) {
  if (escape_ == Escape::start) {
    static constexpr char kNames[] = "\"\\/bfnrt";
    static constexpr uint8_t kValues[] = {'"', '\\', '/', '\b', '\f', '\n', '\r', '\t'};
    escape_ = Escape::none;
    for (size_t i = 0; i < sizeof kValues; i++) {
      if (c == kNames[i]) return put({&kValues[i], 1});
    }
    if (c != 'u') return malformed(c, "an escape (one of \"\\/bfnrtu)");
    escape_ = Escape::hex;
    hex_digits_ = 0;
    hex_ = 0;
    return {};
  }
  if (escape_ == Escape::backslash || escape_ == Escape::u) {
    if (c != (escape_ == Escape::backslash ? '\\' : 'u')) return malformed(c, "the other half of a surrogate pair");
    escape_ = escape_ == Escape::backslash ? Escape::u : Escape::hex;
    hex_digits_ = 0;
    hex_ = 0;
    return {};
  }
  const int value = hex_value(c);
  if (value < 0) return malformed(c, "a hexadecimal digit");
  hex_ = hex_ << 4 | static_cast<uint32_t>(value);
  if (++hex_digits_ < 4) return {};
  escape_ = Escape::none;
  return code_unit(hex_);
}

Result<void> ReplyDecoder::code_unit(uint32_t unit) {
  const bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
  if ((high_surrogate_ != 0) != low) {
    return errorf(ErrorCode::PROTOCOL, "the reply has half a surrogate pair (\\u%04x) before its byte %llu",
                  high_surrogate_ ? high_surrogate_ : unit, static_cast<unsigned long long>(offset_));
  }
  if (high) {
    high_surrogate_ = unit;
    escape_ = Escape::backslash;
    return {};
  }
  uint32_t point = low ? 0x10000 + ((high_surrogate_ - 0xd800) << 10) + (unit - 0xdc00) : unit;
  high_surrogate_ = 0;
  uint8_t utf8[4];
  size_t size = 0;
  auto tail = [&](int shift) { utf8[size++] = static_cast<uint8_t>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    utf8[size++] = static_cast<uint8_t>(point);
  } else if (point < 0x800) {
    utf8[size++] = static_cast<uint8_t>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    utf8[size++] = static_cast<uint8_t>(0xe0 | point >> 12);
    tail(6), tail(0);
  } else {
    utf8[size++] = static_cast<uint8_t>(0xf0 | point >> 18);
    tail(12), tail(6), tail(0);
  }
  return put({utf8, size});
}

Result<void> ReplyDecoder::put(Bytes text) {
  switch (role_) {
    case Role::top_key:
      append_bounded(&scalar_, text, kMaxScalar + 1);
      return {};
    case Role::id:
      append_bounded(&id_text_, text, kMaxScalar);
      return {};
    case Role::error:
      append_bounded(&error_text_, text, kMaxErrorText);
      return {};
    case Role::result:
      if (text.size() > max_text_ - text_bytes_) {
        return errorf(ErrorCode::PROTOCOL, "the reply has more text than the %llu bytes allowed",
                      static_cast<unsigned long long>(max_text_));
      }
      text_bytes_ += text.size();
      out_.append(reinterpret_cast<const char*>(text.data()), text.size());
      return {};
    case Role::skipped:
      return {};
  }
  return {};
}

Result<void> ReplyDecoder::end_string() {
  if (!string_is_key_) {
    state_ = State::next;
    return {};
  }
  if (role_ == Role::top_key) {
    member_ = scalar_ == "id" ? Role::id
              : scalar_ == "result" ? Role::result
              : scalar_ == "error" ? Role::error
                                   : Role::skipped;
  }
  state_ = State::colon;
  return {};
}

Result<bool> ReplyDecoder::finish() const {
  if (!done()) {
    return errorf(ErrorCode::PROTOCOL, "the reply ends unfinished after %llu bytes",
                  static_cast<unsigned long long>(offset_));
  }
  if (id_given_ != Given::other || id_text_ != std::to_string(id_)) {
    return errorf(ErrorCode::PROTOCOL, "expected the reply to request %llu but received one with %s%s",
                  static_cast<unsigned long long>(id_), id_given_ == Given::no ? "no id" : "id ",
                  printable(id_text_).c_str());
  }
  const bool result = result_given_ == Given::string, error = error_given_ == Given::string;
  if (result == error) {
    return errorf(ErrorCode::PROTOCOL, "expected a reply with either a result or an error but received one with %s",
                  result ? "both" : "neither");
  }
  return result;
}

}  // namespace cti::ovs
