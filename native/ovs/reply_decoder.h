// Decodes one JSON-RPC 1.0 reply of an OVS daemon as it arrives, so that a reply of gigabytes is never held.
//
//     {"id":7,"result":"text ...","error":null}
//
// Keys come in any order and what is null may be left out (3.1 leaves it out of errors). The text of "result" is unescaped and
// handed to a sink in pieces; "error" is kept, cut at kMaxErrorText. Other keys are skipped.
//
// Strictness: control characters below 0x20 in a string, lone surrogates, and anything after the object but white space are
// refused, as OVS's own reader does. Bytes from 0x80 up are passed on as they are, valid UTF-8 or not: OVS does not check what it
// puts into a reply (a port's name is whatever the user gave). "\u0000" gives a zero byte.
//
// The outcome does not depend on how the reply is cut into chunks, the texts of errors included.
//
// Thread-safety: a plain value; one thread at a time.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace cti::ovs {

// Receives the next piece of a reply's text, not empty. An error it returns ends the request with that error.
using TextSink = std::function<Result<void>(Bytes)>;

class ReplyDecoder {
 public:
  static constexpr size_t kMaxErrorText = 2000;
  static constexpr size_t kMaxScalar = 64;  // bytes of a number or a word
  static constexpr size_t kMaxDepth = 32;   // of values that are skipped

  // 'id' is what the request had; 'sink' outlives the decoder; a result of more than 'max_text' bytes is refused.
  ReplyDecoder(uint64_t id, uint64_t max_text, const TextSink& sink) : id_(id), max_text_(max_text), sink_(sink) {}

  // Decodes the next bytes. After an error (PROTOCOL, or the sink's) the decoder is not used again.
  Result<void> feed(Bytes chunk);

  // Whether the whole object has been read; then finish() says whether it was a proper reply.
  bool done() const { return state_ == State::end; }

  // PROTOCOL if the reply was not done, not ours, or had neither result nor error. Otherwise true if the switch gave a result,
  // false if it gave an error: error_text().
  Result<bool> finish() const;

  const std::string& error_text() const { return error_text_; }
  uint64_t text_bytes() const { return text_bytes_; }
  uint64_t bytes() const { return offset_; }

 private:
  enum class State { start, first_key, key, colon, value, first_item, in_string, in_scalar, next, end };
  enum class Role { top_key, id, result, error, skipped };  // what the string being read is
  enum class Escape { none, start, hex, backslash, u };     // the last two: of the low surrogate that must follow
  enum class Given : uint8_t { no, null, string, other };

  Result<void> byte(uint8_t c);
  Result<void> begin_value(uint8_t c);
  Result<void> begin_string(Role role);
  Result<void> string_bytes(Bytes chunk, size_t* position);
  Result<void> escape(uint8_t c);
  Result<void> code_unit(uint32_t unit);
  Result<void> put(Bytes text);
  Result<void> end_string();
  Result<void> end_scalar();
  Result<void> give(Given what);
  void close_container();
  Error malformed(uint8_t c, const char* expected) const;
  bool at_top() const { return containers_.size() == 1; }

  const uint64_t id_;
  const uint64_t max_text_;
  const TextSink& sink_;

  State state_ = State::start;
  uint64_t offset_ = 0;  // of the byte being read, from the reply's start

  Role member_ = Role::skipped;  // of the reply's own object, the value of which is being read
  Role role_ = Role::skipped;
  bool string_is_key_ = false;
  Given id_given_ = Given::no, result_given_ = Given::no, error_given_ = Given::no;
  std::string containers_;  // '{' and '[' that are open
  std::string scalar_;      // key, number or word being read; at most kMaxScalar + 1
  std::string id_text_;     // the id as received, likewise
  std::string out_;         // unescaped text of this chunk, not yet handed to the sink
  std::string error_text_;
  uint64_t text_bytes_ = 0;

  Escape escape_ = Escape::none;
  int hex_digits_ = 0;
  uint32_t hex_ = 0;
  uint32_t high_surrogate_ = 0;
};

// 'text' fit for an error message: one line, at most 'max' bytes, control characters and bytes from 0x80 as \xHH.
std::string printable(std::string_view text, size_t max = 200);

}  // namespace cti::ovs
