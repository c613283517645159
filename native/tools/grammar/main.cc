// Prints random rows of `dpctl/dump-flows` of every production (native/tools/grammar): what test/grammar.test.ts gives to a real switch.
//
//   flow_grammar SEED N             N rows as a dump has them, with -m
//   flow_grammar SEED N --add-flow  what `dpctl/add-flow` of 3.1 takes: match, a tab, actions
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tools/grammar/grammar.h"

int main(int argc, char** argv) {
  const bool add_flow = argc == 4 && std::string_view(argv[3]) == "--add-flow";
  if (argc != 3 && !add_flow) {
    std::fprintf(stderr, "usage: flow_grammar SEED N [--add-flow]\n");
    return 2;
  }
  cti::grammar::Generator generator(std::strtoull(argv[1], nullptr, 10));
  for (uint64_t n = std::strtoull(argv[2], nullptr, 10); n > 0; n--) {
    const cti::grammar::Row row = generator.row({.more = !add_flow, .names = false, .errors = !add_flow, .add_flow = add_flow});
    if (add_flow)
      std::printf("%s\t%s\n", row.match.c_str(), row.actions.c_str());
    else
      std::printf("%s\n", row.line().c_str());
  }
  return 0;
}
