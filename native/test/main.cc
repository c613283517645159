#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
// Its handler of SIGSEGV would stand before that of compiled programs, and not pass on what is not its own.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <doctest/doctest.h>
