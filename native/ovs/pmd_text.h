// What dpif-netdev/pmd-stats-show and dpif-netdev/pmd-rxq-show print of each thread, read by their grammar:
//
//   stats   { head { "  " LABEL ": " VALUE "\n" } }
//   rxqs    [ "Displaying " anything "\n" ] { head { "  isolated : " ("true" | "false") "\n" | "  port: " anything "\n" | "  " LABEL ":" anything "\n" } }
//   head    = ("pmd thread" | "main thread") [ " numa_id " NUMBER ] [ " core_id " NUMBER ] ":\n"
//
// From 4.0 on the first command prints what dpif-netdev/pmd-perf-show does; a thread that received nothing says less there:
//
//   perf    { "\n" | "Time: " anything "\n" | "Measurement duration: " anything "\n" | head | "  " LABEL ":" BLANKS VALUE "\n" }, the first line being empty
//
// A LABEL of pmd_counters.def has a whole number as VALUE, with nothing or a blank and more behind it; other labels (averages, what a later
// version adds) are skipped.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tables/generated/pmds.h"

namespace cti::ovs {

// Rows of the table, without their datapath; `known` says which columns the text has.
using PmdRow = tables::pmds::Rows;

// PROTOCOL, with the line, where a reply does not read so.
Result<std::vector<PmdRow>> parse_pmd_stats(std::string_view text);
// Fills in `rxqs` and `isolated` of those rows that the text has; one that is not in 'rows' is left out: it is new.
Result<void> parse_pmd_rxqs(std::string_view text, std::vector<PmdRow>& rows);

}  // namespace cti::ovs
