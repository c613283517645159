// The reply decoder: every split point, every escape, and mutations, of which only the outcome's independence of the cuts and
// the bounds can be said in advance.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "ovs/reply_decoder.h"

using namespace cti;
using ovs::ReplyDecoder;
using namespace std::string_literals;

namespace {

struct Outcome {
  std::string code;  // of the error; empty: a reply
  std::string message;
  bool result = false;
  std::string text;
  std::string error_text;

  bool operator==(const Outcome& other) const {
    return code == other.code && message == other.message && result == other.result &&
           (!code.empty() || text == other.text) && error_text == other.error_text;
  }
};

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// Decodes 'reply', cut before each offset of 'cuts' (ascending).
Outcome decode(std::string_view reply, const std::vector<size_t>& cuts = {}, uint64_t max_text = 1 << 20) {
  Outcome outcome;
  ovs::TextSink sink = [&](Bytes text) -> Result<void> {
    CHECK(text.size() > 0);
    outcome.text.append(reinterpret_cast<const char*>(text.data()), text.size());
    return {};
  };
  ReplyDecoder decoder(7, max_text, sink);
  auto fail = [&](const Error& error) {
    outcome.code = error_code_name(error.code);
    outcome.message = error.message;
    return outcome;
  };
  size_t from = 0;
  auto feed = [&](size_t to) {
    // An own copy, so that a read past the piece is seen by the sanitizer.
    std::vector<uint8_t> piece(reply.begin() + from, reply.begin() + to);
    from = to;
    return decoder.feed(piece);
  };
  for (size_t cut : cuts) {
    if (auto fed = feed(cut); !fed) return fail(fed.error());
  }
  if (auto fed = feed(reply.size()); !fed) return fail(fed.error());
  auto finished = decoder.finish();
  if (!finished) return fail(finished.error());
  CHECK(decoder.bytes() == reply.size());
  outcome.result = *finished;
  outcome.error_text = decoder.error_text();
  return outcome;
}

const std::string kRich =
    " {\"id\" : 7,\n\"error\":null, \"extra\":[1,{\"a\":[]},\"x\\\"}\",-0.5e+3,{}],\"result\":\"ufid:1\\n\\\"q\\\"\\\\\\/\\b\\f\\r\\t"
    "\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\u0000\xc3\xa9\xff!\" } \n";
const std::string kRichText = "ufid:1\n\"q\"\\/\b\f\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0\xc3\xa9\xff!"s;

}  // namespace

TEST_CASE("a reply is decoded alike wherever it is cut") {
  Outcome whole = decode(kRich);
  REQUIRE(whole.message == "");
  CHECK(whole.result);
  CHECK(whole.text == kRichText);
  for (size_t cut = 0; cut <= kRich.size(); cut++) {
    CHECK(decode(kRich, {cut}) == whole);
    for (size_t second = cut; second <= kRich.size(); second += 3) CHECK(decode(kRich, {cut, second}) == whole);
  }
  std::vector<size_t> every;
  for (size_t cut = 1; cut < kRich.size(); cut++) every.push_back(cut);
  CHECK(decode(kRich, every) == whole);
}

TEST_CASE("keys in any order, null left out or given, replies as OVS 3.1 sends them") {
  CHECK(decode(R"({"id":7,"result":"ovs\n","error":null})").text == "ovs\n");
  CHECK(decode(R"({"error":null,"result":"a","id":7})").text == "a");
  CHECK(decode(R"({"result":"a","id":7})").text == "a");
  CHECK(decode(R"({"id":7,"result":"","error":null})").result);
  Outcome refused = decode(R"({"id":7,"error":"\"nosuch\" is not a valid command\n"})");
  CHECK(refused.code == "");
  CHECK_FALSE(refused.result);
  CHECK(refused.error_text == "\"nosuch\" is not a valid command\n");
  CHECK_FALSE(decode(R"({"id":7,"error":""})").result);
}

TEST_CASE("what the protocol does not allow is refused with its place") {
  struct {
    const char* reply;
    const char* message;
  } cases[] = {
      {"x", "expected '{' at its byte 0 but received 'x'"},
      {"", "the reply ends unfinished after 0 bytes"},
      {R"({"id":7,"result":"a)", "the reply ends unfinished after 19 bytes"},
      {R"({"id":7,"result":"a"} {)", "expected nothing more at its byte 22 but received '{'"},
      {R"({"id":8,"result":"a"})", "expected the reply to request 7 but received one with id 8"},
      {R"({"id":"7","result":"a"})", "received one with id text 7"},
      {R"({"id":7.0,"result":"a"})", "received one with id 7.0"},
      {R"({"result":"a"})", "received one with no id"},
      {R"({"id":null,"result":"a"})", "received one with id null"},
      {R"({"id":7,"result":"a","error":"b"})", "received one with both"},
      {R"({"id":7,"result":null,"error":null})", "received one with neither"},
      {R"({"id":7})", "received one with neither"},
      {R"({"id":7,"result":"a","result":"b"})", "the reply has \"result\" twice"},
      {R"({"id":7,"result":{"a":1}})", "the reply's \"result\" is neither text nor null"},
      {R"({"id":7,"result":5})", "the reply's \"result\" is neither text nor null"},
      {R"({"id":7,"result":"\q"})", "expected an escape (one of \"\\/bfnrtu) at its byte 19 but received 'q'"},
      {R"({"id":7,"result":"\u12g4"})", "expected a hexadecimal digit at its byte 22 but received 'g'"},
      {R"({"id":7,"result":"\ud83dx"})", "expected the other half of a surrogate pair at its byte 24"},
      {R"({"id":7,"result":"\ud83d\u0041"})", "half a surrogate pair (\\ud83d)"},
      {R"({"id":7,"result":"\ude00"})", "half a surrogate pair (\\ude00)"},
      {"{\"id\":7,\"result\":\"a\nb\"}", "expected no control character in a string at its byte 19 but received '\\x0a'"},
      {R"({"id":7 "result":"a"})", "expected ',' or the end of the object or list at its byte 8"},
      {R"({"id":7,})", "expected a key at its byte 8 but received '}'"},
      {R"({"id":07,"result":"a"})", "expected a value before its byte 8 but received '07'"},
      {R"({"id":nul,"result":"a"})", "expected a value before its byte 9 but received 'nul'"},
      {R"({"a":[1,],"id":7})", "expected a value at its byte 8 but received ']'"},
      {R"({"a":[1},"id":7})", "expected ',' or the end of the object or list at its byte 7"},
      {"[]", "expected '{' at its byte 0"},
  };
  for (const auto& bad : cases) {
    CAPTURE(bad.reply);
    Outcome outcome = decode(bad.reply);
    CHECK(outcome.code == "PROTOCOL");
    CHECK_MESSAGE(outcome.message.find(bad.message) != std::string::npos, outcome.message);
    for (size_t cut = 0; cut <= std::string_view(bad.reply).size(); cut++) CHECK(decode(bad.reply, {cut}) == outcome);
  }
}

TEST_CASE("text, errors, nesting and scalars are bounded") {
  std::string reply = R"({"id":7,"result":")" + std::string(1000, 'a') + "\"}";
  CHECK(decode(reply, {}, 1000).text.size() == 1000);
  CHECK(decode(reply, {}, 999).message == "the reply has more text than the 999 bytes allowed");
  CHECK(decode(R"({"id":7,"error":")" + std::string(1 << 20, 'e') + "\"}").error_text.size() == ReplyDecoder::kMaxErrorText);
  CHECK(decode(R"({"id":7,"x":)" + std::string(100000, '[')).message == "the reply is nested deeper than 32 values");
  CHECK(decode(R"({"id":7,"x":)" + std::string(100000, '1')).code == "PROTOCOL");
  CHECK(decode("{\"" + std::string(100000, 'k') + R"(":1,"id":7,"result":"a"})").text == "a");
}

TEST_CASE("a sink's error ends the reply") {
  ovs::TextSink sink = [](Bytes) -> Result<void> { return errorf(ErrorCode::CANCELLED, "enough"); };
  ReplyDecoder decoder(7, 100, sink);
  auto fed = decoder.feed(bytes_of(R"({"id":7,"result":"a"})"));
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == ErrorCode::CANCELLED);
}

TEST_CASE("10,000 mutated replies: no crash, and the same outcome however they are cut") {
  const std::vector<std::string> seeds = {
      kRich, R"({"id":7,"result":"ufid:0, recirc_id(0), actions:2\n","error":null})", R"({"id":7,"error":"\"x\" is not\n"})",
      R"({"error":null,"result":"\ud83d\ude00","id":7})"};
  const std::string alphabet = "{}[]\",:\\u0123456789abcdefnrtD8 \n\x01\xff-+.";
  std::mt19937 random(20240611);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  int decoded = 0, refused = 0;
  for (int i = 0; i < 10000; i++) {
    std::string reply = seeds[below(seeds.size())];
    for (size_t edits = 1 + below(4); edits > 0; edits--) {
      const size_t at = below(reply.size() + 1);
      switch (below(5)) {
        case 0: reply.insert(at, 1, alphabet[below(alphabet.size())]); break;
        case 1: if (at < reply.size()) reply[at] = alphabet[below(alphabet.size())]; break;
        case 2: reply.erase(at, 1 + below(5)); break;
        case 3: reply.insert(at, reply.substr(below(reply.size() + 1), below(20))); break;
        case 4: if (at < reply.size()) reply[at] = static_cast<char>(reply[at] ^ 1 << below(8)); break;
      }
      if (reply.empty()) reply = "{";
    }
    Outcome whole = decode(reply);
    (whole.code.empty() ? decoded : refused)++;
    CHECK(whole.text.size() <= reply.size());
    std::vector<size_t> cuts;
    for (size_t at = below(8); at < reply.size(); at += 1 + below(8)) cuts.push_back(at);
    if (!(decode(reply, cuts) == whole)) FAIL("differs when cut: " << ovs::printable(reply, 500));
  }
  CHECK(decoded > 300);
  CHECK(refused > 3000);
}

TEST_CASE("text from the switch is made fit for a message") {
  CHECK(ovs::printable("a\x1b[31mb\nc\n") == "a\\x1b[31mb; c");
  CHECK(ovs::printable(std::string(1000, 'x')).size() == 203);
}
